"""Sentences as a model writes them of a run that failed: all of them are true."""

from steadystate.documents.fields import Language

TRUE: list[tuple[Language, str]] = [
    ("en", "The bank-instance-loss scenario terminated one EC2 instance of the bank workload."),
    ("en", "FAIL: the error rate reached 12%, more than twice its 5% limit."),
    ("en", "The run started at 22:13:20 UTC and ended at 22:14:05 UTC on 14 November 2023."),
    ("en", "One instance (i-0123456789abcdef0) was terminated at 22:13:30."),
    (
        "en",
        "In the minute starting 22:13, 100 of 700 probes failed, and in the worst second "
        "25% failed.",
    ),
    ("en", "After 22:14 all 100 probes were answered."),
    ("en", "The errors objective failed: 12% of requests failed against a bound of less than 5%."),
    ("en", "Latency stayed at 40 ms, well below its 250 ms limit."),
    ("en", "database-connections peaked at 6% against a bound of 80%."),
    ("en", "Capacity returned to 3 healthy instances after recovery."),
    (
        "en",
        "No transfers were lost or duplicated: no-transfer-lost and no-transfer-twice "
        "both showed 0.",
    ),
    ("en", "The ledger balanced: ledger-balances showed 0 KRW."),
    ("en", "Six of the seven objectives were kept."),
    (
        "en",
        "Recovery took between 19.9 and 21.1 seconds from the fault, well within the "
        "10-minute target.",
    ),
    ("en", "From the first failed probe, customers felt the outage for 19.8 to 21.1 seconds."),
    (
        "en",
        "During the outage, about 25.2% of probes failed, so part of the service kept answering.",
    ),
    ("en", "The weak point is the error rate: the limit was exceeded by 140%."),
    ("en", "Recovery used only 3.52% of its target."),
    (
        "en",
        "Because error_rate rose to 12%, shorten the health-check interval so that the "
        "load balancer stops sending to a lost instance sooner.",
    ),
    ("en", "The guardrail too-many-errors held throughout."),
    ("en", "The fis-experiment was undone and read back at 22:13:40."),
    ("en", "The run cost 0.102 USD, against a plan of 0.100 USD."),
    ("en", "Only one fault and one target were tested; multi-instance loss was not."),
    ("en", "The probe_errors indicator was measured only by the guardrail."),
    (
        "en",
        "The verdict is FAIL because the errors objective missed its bound, although "
        "recovery is PASS.",
    ),
    ("en", "The experiment EXP1 completed with one target hit."),
    ("en", "A total of 800 probes were sent at 20 per second, and 100 failed (12.5%)."),
    ("en", "Probes that were not answered within 2 seconds counted as failed."),
    ("en", "Metrics were read every 5 seconds."),
    ("en", "First failure was seen 0.1 s after the fault."),
    (
        "en",
        "Consider retrying idempotent requests, since all failures fell between 22:13:30 "
        "and 22:13:49.",
    ),
    ("ko", "bank 워크로드에서 bank-instance-loss 시나리오로 EC2 인스턴스 한 대를 종료했습니다."),
    ("ko", "FAIL: 오류율이 12%에 이르러 5% 한계를 넘었습니다."),
    ("ko", "실행은 2023년 11월 14일 22:13:20에 시작해 22:14:05에 끝났습니다(UTC)."),
    ("ko", "22시 13분에는 프로브 700건 중 100건이 실패했습니다."),
    ("ko", "errors 목표는 12%로 5% 미만이라는 기준을 벗어났습니다."),
    ("ko", "latency 목표는 40ms로 250ms 한계를 지켰습니다."),
    ("ko", "database-connections 목표의 최고값은 6%로 80%보다 낮았습니다."),
    ("ko", "회복 뒤 capacity 목표는 3으로 기준을 지켰습니다."),
    ("ko", "7개의 목표 가운데 6개를 지켰고 1개를 벗어났습니다."),
    ("ko", "장애로부터 회복까지 19.9초에서 21.1초가 걸렸으며 목표인 10분보다 훨씬 짧았습니다."),
    ("ko", "고객이 겪은 시간은 19.8~21.1초입니다."),
    ("ko", "중단 시간 동안 프로브의 25.2%가 실패했습니다."),
    ("ko", "회복은 목표 시간의 3.52%만 사용했습니다."),
    ("ko", "too-many-errors 가드레일은 지켜졌습니다."),
    ("ko", "비용은 0.102달러로 계획한 0.100달러와 비슷합니다."),
    ("ko", "프로브는 초당 20건을 보냈고 2초 안에 답이 없으면 실패로 보았습니다."),
    ("ko", "첫 실패는 장애 0.1초 뒤에 나타났습니다."),
    ("ko", "전체 프로브 800건 중 100건, 곧 12.5%가 실패했습니다."),
    ("ko", "오류가 22:13:30부터 22:13:49 사이에 몰려 있으므로 상태 확인 간격을 줄이십시오."),
    ("ko", "판정은 FAIL이며, errors 목표가 기준을 벗어났기 때문입니다."),
]
