"""措施页 The list, one order, and what may be done with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import RedirectResponse, Response

from console import names as packs
from console.forms import Form, Trouble, back, beside, on_version, read_form, refused, seen, trouble_of, was_seen
from console.names import names_of
from console.orders import view
from console.visit import Here, Visit
from shared.errors import NotFound

ID_MAX = 64
LISTED_MAX = 500
TOGETHER_MAX = 100


def routes() -> APIRouter:
    router = APIRouter()
    _signing_together(router)

    @router.get("/orders")
    async def page(here: Here) -> Response:
        """All orders (措施), the most urgent first."""
        return await here.page("orders", "orders/page.html", await _list(here))

    @router.get("/part/orders/list")
    async def listing(here: Here) -> Response:
        """The list, anew."""
        return await here.part("orders/list.html", await _list(here))

    @router.get("/orders/{order_id}")
    async def one(
        order_id: str,
        here: Here,
        unit: Annotated[str | None, Query(max_length=200)] = None,
        done: Annotated[str, Query(max_length=30)] = "",
    ) -> Response:
        """One order with what I may do."""
        return await _one(here, order_id, {"done": done, "unit": unit})

    @router.get("/part/orders/{order_id}")
    async def part(order_id: str, here: Here) -> Response:
        """How the order stands, anew."""
        return await here.part("orders/standing.html", await _look(here, order_id))

    @router.post("/orders/{order_id}/{act}")
    async def do(order_id: str, act: str, here: Here, request: Request) -> Response:
        """One act on one order."""
        if act not in view.ACTS:
            raise NotFound("there is no such act", "没有这项办理")
        typed = await read_form(request)
        form = back(typed, name=act)
        shown: dict[str, Any] = {"unit": typed.text("unit_id") or None, "forms": {act: form}}
        if typed.is_resumed:
            return await _one(here, order_id, shown)
        path, fields = view.ACTS[act]
        body, errors = view.read(act, typed, here.now, needs_inspection=bool(typed.text("needs_inspection")))
        if errors:
            return await _one(here, order_id, {**shown, "forms": {act: replace(form, errors=errors)}}, 422)
        asked = await here.post(
            "dispatch", f"/v1/orders/{_safe(order_id)}/{path}", body, match=form.match or None, key=form.key
        )
        trouble = trouble_of(asked)
        if trouble is None:
            onward = typed.text("unit_id") if act == "people" else None
            return RedirectResponse(here.url(f"/orders/{order_id}", done=act, unit=onward), 303)
        shown["forms"] = {act: refused(form, trouble, fields)}
        if trouble.is_stale:
            shown["before"] = was_seen(typed)
        return await _one(here, order_id, shown, asked.status or 503)

    return router


def _signing_together(router: APIRouter) -> None:
    """Before ``/orders/{order_id}``, whose place it would take."""

    @router.get("/orders/together")
    async def together(here: Here) -> Response:
        """What waits for my signature, alike together (并签), each with its own box."""
        return await _together(here, Form(), ())

    @router.post("/orders/together")
    async def sign_together(here: Here, request: Request) -> Response:
        """Sign the ticked ones, each by itself: what is refused says why, and the others are signed."""
        typed = await read_form(request)
        form = back(typed)
        wanted = typed.every("order")[:TOGETHER_MAX]
        if typed.is_resumed or not wanted:
            return await _together(here, form, (), 200 if typed.is_resumed else 422)
        results = []
        for order_id in wanted:
            match, key = typed.text(f"match.{order_id}") or None, f"{form.key}:{order_id}"
            asked = await here.post("dispatch", f"/v1/orders/{_safe(order_id)}/sign", {}, match=match, key=key)
            results.append((order_id, trouble_of(asked)))
        return await _together(here, Form(), results)


async def _list(here: Visit) -> dict[str, Any]:
    answers = await here.ask(
        {
            "orders": ("dispatch", "/v1/orders", {"limit": LISTED_MAX}),
            "me": ("dispatch", "/v1/me", {}),
            "pack": packs.ASK,
        }
    )
    me = answers["me"].body if not answers["me"].wrong else {"posts": []}
    return {
        "posts": me["posts"],
        "heaps": view.heaps(answers["orders"].items, me["posts"]),
        "more": bool(answers["orders"].body and answers["orders"].body.get("next")),
        "orders_wrong": answers["orders"].wrong,
        "names": names_of(answers["pack"]),
    }


async def _together(
    here: Visit, form: Form, results: Sequence[tuple[str, Trouble | None]], status: int = 200
) -> Response:
    shown = await _list(here)
    sheaves = view.sheaves([order for heap in shown["heaps"] for order in heap.orders], shown["posts"])
    return await here.page(
        "orders", "orders/together.html", {**shown, "sheaves": sheaves, "form": form, "results": results}, status
    )


async def _look(here: Visit, order_id: str) -> dict[str, Any]:
    answers = await here.ask({"order": ("dispatch", f"/v1/orders/{_safe(order_id)}", {}), "pack": packs.ASK})
    asked = answers["order"]
    if asked.status == 404:
        raise NotFound(f"there is no order {order_id}", f"没有措施 {order_id}")
    order = None if asked.wrong else asked.body
    return {"order": order, "order_id": order_id, "wrong": asked.wrong, "names": names_of(answers["pack"])}


async def _one(here: Visit, order_id: str, more: Mapping[str, Any], status: int = 200) -> Response:
    shown = await _look(here, order_id)
    order = shown["order"]
    if order is not None:
        can, cannot = view.sorted_choices(order)
        now = view.facts(order)
        given: Mapping[str, Form] = more.get("forms", {})
        given = on_version(given, str(order["version"])) if more.get("before") is not None else given
        can = [
            *(act for act in given if act not in can),
            *can,
        ]  # what was typed stays, even where it is too late for it
        blank = {act: Form(match=str(order["version"]), name=act) for act in view.ACTS}
        shown |= {
            "can": can,
            "cannot": cannot,
            "forms": {**blank, **given},
            "open_form": next((act for act, form in given.items()), None),
            "given": view.defaults(order, here.officer.name, here.now),
            "units": view.own_units(order),
            "unit": view.counted_unit(order, more.get("unit")),
            "seen": seen(now),
            "rows": beside(more["before"], now) if more.get("before") else None,
            "outcomes": view.OUTCOMES,
            "counted": view.COUNTED,
        }
    return await here.page("orders", "orders/one.html", {**shown, "done": more.get("done", "")}, status)


def _safe(identifier: str) -> str:
    if not identifier.replace("-", "").isalnum() or len(identifier) > ID_MAX:
        raise NotFound("there is no such order", "没有该措施")
    return identifier
