"""The bank's products. Rates are a year's interest in per cent, before tax."""

from __future__ import annotations

from typing import Any, Final

PRODUCTS: Final[list[dict[str, Any]]] = [
    {
        "product_id": "everyday-checking",
        "kind": "checking",
        "name": {"ko": "한결 입출금통장", "en": "Everyday Checking"},
        "summary": {
            "ko": "수수료 없이 언제든 넣고 꺼내는 기본 통장",
            "en": "Money in and out at any time, without fees",
        },
        "rate_percent": "0.10",
        "term_months": None,
    },
    {
        "product_id": "steady-savings",
        "kind": "savings",
        "name": {"ko": "꾸준 저축예금", "en": "Steady Savings"},
        "summary": {
            "ko": "하루만 맡겨도 이자가 쌓이는 예금",
            "en": "Interest that adds up from the first day",
        },
        "rate_percent": "1.80",
        "term_months": None,
    },
    {
        "product_id": "term-deposit-12",
        "kind": "deposit",
        "name": {"ko": "한결 정기예금 1년", "en": "One-Year Term Deposit"},
        "summary": {
            "ko": "목돈을 1년 맡기고 약속한 이자를 받는 예금",
            "en": "A fixed rate for a sum you can spare for a year",
        },
        "rate_percent": "3.15",
        "term_months": 12,
    },
    {
        "product_id": "monthly-24",
        "kind": "instalment",
        "name": {"ko": "차곡차곡 적금 2년", "en": "Two-Year Monthly Saver"},
        "summary": {
            "ko": "매달 조금씩 모아 2년 뒤에 찾는 적금",
            "en": "Put a little aside each month, collect after two years",
        },
        "rate_percent": "3.60",
        "term_months": 24,
    },
]
