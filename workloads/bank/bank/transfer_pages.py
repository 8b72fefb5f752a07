"""A transfer in three pages: form, confirmation, receipt.

The confirmation carries the idempotency key. However often it is sent, by a double click, a
reload or a second try after an error, the money moves once and the same receipt is shown.
"""

from __future__ import annotations

import re
from typing import Any, Final
from uuid import uuid4

from starlette.responses import Response
from starlette.routing import Route

from .gateway import ApiError, GatewayError
from .inputs import AMOUNT_AT_MOST, MEMO_AT_MOST, UNPRINTABLE
from .language import money, texts
from .pages import Pages
from .site import Site, Visit

_FIELDS: Final = ("from_account", "to_account", "amount", "memo")


class FormProblem(Exception):  # noqa: N818 (what the customer reads, not a failure)
    """Why the form is shown again; `field` empty when no one field is to blame."""

    def __init__(self, code: str, field: str = "", status: int = 400) -> None:
        super().__init__(code)
        self.code = code
        self.field = field
        self.status = status


class TransferPages:
    def __init__(self, pages: Pages, site: Site) -> None:
        self._pages = pages
        self._site = site

    def routes(self) -> list[Route]:
        signed_in = self._pages.signed_in
        return [
            Route("/transfer", signed_in(self.form)),
            Route("/transfer", signed_in(self.send), methods=["POST"]),
            Route("/transfer/confirm", signed_in(self.to_form)),
            Route("/transfer/confirm", signed_in(self.confirm), methods=["POST"]),
            Route("/transfers/{key}", signed_in(self.receipt)),
        ]

    async def to_form(self, visit: Visit) -> Response:
        return self._site.redirect(visit, "/transfer")

    async def form(self, visit: Visit) -> Response:
        reply = await self._pages.api(visit, "GET", "accounts")
        chosen = visit.request.query_params.get("from", "")
        return self._form_page(visit, reply["accounts"], {"from_account": chosen})

    async def confirm(self, visit: Visit) -> Response:
        reply = await self._pages.api(visit, "GET", "accounts")
        form = {name: visit.form.get(name, "") for name in _FIELDS}
        try:
            amount = _amount(form["amount"])
            account = _own_account(reply["accounts"], form["from_account"])
            payee = await self._payee(visit, form)
            _check_limits(amount, account["balance"], form["memo"])
        except FormProblem as problem:
            return self._form_page(visit, reply["accounts"], form, problem)
        return self._site.page(
            visit,
            "confirm.html",
            section="transfer",
            form={**form, "amount": str(amount)},
            amount=amount,
            account=account,
            payee=payee,
            key=uuid4().hex,
        )

    async def _payee(self, visit: Visit, form: dict[str, str]) -> Any:
        if not form["to_account"]:
            raise FormProblem("to_account", "to_account")
        if form["to_account"] == form["from_account"]:
            raise FormProblem("same_account", "to_account")
        try:
            return await self._pages.api(visit, "GET", "payees", form["to_account"])
        except ApiError as error:
            if error.status == 404:
                raise FormProblem("to_account", "to_account", 404) from None
            raise

    async def send(self, visit: Visit) -> Response:
        form = {name: visit.form.get(name, "") for name in _FIELDS}
        key = visit.form.get("key", "")
        try:
            content = {**form, "amount": _amount(form["amount"])}
            await self._pages.api(visit, "POST", "transfers", content=content, key=key)
        except FormProblem as problem:
            return await self._form_again(visit, form, problem)
        except GatewayError:
            return self._uncertain_page(visit, form, key)
        except ApiError as error:
            if error.status >= 500:
                return self._uncertain_page(visit, form, key)
            if error.status == 401:
                raise
            return await self._form_again(visit, form, _problem(error))
        return self._site.redirect(visit, f"/transfers/{key}")

    async def receipt(self, visit: Visit) -> Response:
        key = visit.request.path_params["key"]
        transfer = await self._pages.api(visit, "GET", "transfers", "by-key", key)
        payee = await self._pages.api(visit, "GET", "payees", transfer["to_account"])
        return self._site.page(
            visit, "receipt.html", section="transfer", transfer=transfer, payee=payee
        )

    async def _form_again(
        self, visit: Visit, form: dict[str, str], problem: FormProblem
    ) -> Response:
        reply = await self._pages.api(visit, "GET", "accounts")
        return self._form_page(visit, reply["accounts"], form, problem)

    def _form_page(
        self,
        visit: Visit,
        accounts: list[Any],
        form: dict[str, str],
        problem: FormProblem | None = None,
    ) -> Response:
        shown = None
        if problem:
            most = money(AMOUNT_AT_MOST, visit.language)
            text = texts(visit.language)[f"problem_{problem.code}"].format(most=most)
            shown = {"field": problem.field, "text": text}
        return self._site.page(
            visit,
            "transfer.html",
            status=problem.status if problem else 200,
            section="transfer",
            accounts=accounts,
            form={**dict.fromkeys(_FIELDS, ""), **form},
            problem=shown,
        )

    def _uncertain_page(self, visit: Visit, form: dict[str, str], key: str) -> Response:
        return self._site.page(
            visit, "uncertain.html", status=503, section="transfer", form=form, key=key
        )


def _amount(text: str) -> int:
    """Won as customers write them: `10,000`, `10000원`, `₩10,000`."""
    digits = re.sub(r"[,\s]|원$|^₩", "", text)
    if not re.fullmatch(r"[0-9]{1,12}", digits) or not 1 <= int(digits) <= AMOUNT_AT_MOST:
        raise FormProblem("bad_amount", "amount")
    return int(digits)


def _check_limits(amount: int, balance: int, memo: str) -> None:
    if amount > balance:
        raise FormProblem("insufficient_funds", "amount", 409)
    if len(memo) > MEMO_AT_MOST or UNPRINTABLE.search(memo):
        raise FormProblem("bad_memo", "memo")


def _own_account(accounts: list[Any], account_id: str) -> Any:
    for account in accounts:
        if account["account_id"] == account_id:
            return account
    raise FormProblem("from_account", "from_account")


_PROBLEMS: Final = {
    "insufficient_funds": ("insufficient_funds", "amount"),
    "bad_amount": ("bad_amount", "amount"),
    "same_account": ("same_account", "to_account"),
    "bad_memo": ("bad_memo", "memo"),
    "key_reused": ("key_reused", ""),
}


def _problem(error: ApiError) -> FormProblem:
    if error.code == "account_not_found" and error.field in ("from_account", "to_account"):
        return FormProblem(error.field, error.field, error.status)
    code, field = _PROBLEMS.get(error.code, ("other", ""))
    return FormProblem(code, field, error.status)
