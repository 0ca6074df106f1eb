"""`escalate`, `webhook`, and actions of other makers: what they read, what they plan, what they may break."""

from __future__ import annotations

from asyncio import CancelledError
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from reconciler.decide.actions.contributed import ContributedAction, ContributedSpec, checked_action
from reconciler.decide.actions.escalate import Escalate
from reconciler.decide.actions.protocol import Context, Escalation, Failure, Once, Plan, Spec, Wait, Wish
from reconciler.decide.actions.registry import check_playbook, parse_action, pin, register, unpin, unregister
from reconciler.decide.actions.webhook import Webhook
from reconciler.decide.draft import UnseenError
from reconciler.model.errors import ConfigError, Place, UserError
from reconciler.model.instant import Instant
from reconciler.model.names import ProjectName, ServiceName, StageName
from reconciler.model.nodes import Node, Scalar
from reconciler.model.playbook import ActionEntry, load_playbook
from reconciler.model.policy import Bounds, FlagPlace, Workload
from reconciler.model.targets import ENDPOINTS, CallFact, Fact, FlagFact, NoFact, Target, Want, WantCall

HERE = Place("carts/remediation.yaml", 4, 5)
KEY = "sockshop/production/carts/p1/2"
RUNBOOKS = Target(ENDPOINTS, "", "Endpoint", "runbooks")


def entry(action: str, value: str | None) -> ActionEntry:
    line = "" if value is None else f"    value: {value}\n"
    text = f"remediations:\n- name: slow\n  actions:\n  - action: {action}\n{line}"
    return load_playbook(text.encode(), "carts/remediation.yaml").entries[0].actions[0]


def spec(action: str, value: str | None) -> Spec:
    one = entry(action, value)
    made = parse_action(one.action, one.value, one.place)
    assert unpin(pin(one), "remediation.yaml") == made  # what a step pins means the same
    return made


def refusal(action: str, value: str | None) -> UserError:
    with pytest.raises(UserError) as caught:
        spec(action, value)
    assert caught.value.place is not None
    assert caught.value.place.line >= 4
    assert caught.value.expected
    return caught.value


def context(answer: Callable[[Want], Fact], labels: Mapping[str, str] | None = None) -> Context:
    return Context(
        project=ProjectName("sockshop"), stage=StageName("production"), service=ServiceName("carts"),
        namespace="sockshop-production", workload=Workload(), bounds=Bounds(), flags=FlagPlace(), held={},
        now=Instant(1_795_000_000), identity=KEY, title="Response time degradation", labels=labels or {},
        see=lambda wants: tuple(answer(want) for want in wants),
    )  # fmt: skip


def not_called(want: Want) -> Fact:
    assert isinstance(want, WantCall)
    return CallFact(Target(ENDPOINTS, "", "Endpoint", want.endpoint), want.key, answered=False)


# escalate


@pytest.mark.parametrize(
    ("value", "text", "written"),
    [
        (None, "", "escalate"),
        ('""', "", "escalate"),
        ("ask the database team", "ask the database team", "escalate ask the database team"),
        ("|\n      ask the\n      database team", "ask the database team", "escalate ask the database team"),
    ],
)
def test_escalate_takes_a_text_or_nothing(value: str | None, text: str, written: str) -> None:
    made = spec("escalate", value)
    assert made == Escalate(text)
    assert made.written == written


def test_escalate_ends_with_its_text() -> None:
    ctx = context(not_called)
    assert spec("escalate", "ask the database team").plan(ctx) == Escalation("ask the database team")
    assert spec("escalate", None).plan(ctx) == Escalation("the playbook asks for a person")


@pytest.mark.parametrize("value", ["[a]", "{who: database team}", "x" * 501])
def test_escalate_refuses_what_is_no_short_text(value: str) -> None:
    assert refusal("escalate", value).hint


# webhook


@pytest.mark.parametrize(
    ("value", "made", "written"),
    [
        ("runbooks", Webhook("runbooks"), "webhook runbooks"),
        ("{endpoint: runbooks}", Webhook("runbooks"), "webhook runbooks"),
        ("{endpoint: runbooks, data: }", Webhook("runbooks"), "webhook runbooks"),
        (
            "{endpoint: runbooks, data: {kind: flush, times: +1, yes: off}}",
            Webhook("runbooks", (("kind", "flush"), ("times", "+1"), ("yes", "off"))),
            "webhook {endpoint: runbooks, data: {kind: flush, times: +1, yes: off}}",
        ),
    ],
)
def test_webhook_takes_a_name_and_texts(value: str, made: Webhook, written: str) -> None:
    assert spec("webhook", value) == made
    assert made.written == written


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (None, "needs the name"),
        ("[runbooks]", "needs the name"),
        ("https://hooks.example.com/x", "is an address"),
        ("run books", "no name of an endpoint"),
        ("../x", "no name of an endpoint"),
        ("-x", "no name of an endpoint"),
        ("x" * 64, "no name of an endpoint"),
        ("{data: {a: b}}", "needs `endpoint`"),
        ("{endpoint: [a]}", "needs `endpoint`"),
        ("{endpoint: runbooks, url: x}", "knows no `url`"),
        ("{endpoint: runbooks, data: [a]}", "no mapping"),
        ("{endpoint: runbooks, data: text}", "no mapping"),
        ("{endpoint: runbooks, data: {a: {b: c}}}", "more than texts"),
        ("{endpoint: runbooks, data: {a b: c}}", "no name for data"),
        ("{endpoint: runbooks, data: {a: " + "x" * 1001 + "}}", "1001 characters"),
        ("{endpoint: runbooks, data: {" + ", ".join(f"k{n}: v" for n in range(51)) + "}}", "51 entries"),
    ],
)
def test_webhook_refuses_what_it_cannot_take(value: str | None, told: str) -> None:
    assert told in refusal("webhook", value).message


def test_no_secret_goes_into_a_playbook() -> None:
    error = refusal("webhook", "{endpoint: runbooks, data: {apiToken: hunter2-hunter2}}")
    assert "secret" in error.message
    assert "tokenFile" in error.hint
    assert "hunter2" not in str(error)


def test_webhook_plans_one_call_with_the_actions_identity_as_its_key() -> None:
    asked: list[Want] = []

    def answer(want: Want) -> Fact:
        asked.append(want)
        return not_called(want)

    made = spec("webhook", "{endpoint: runbooks, data: {kind: flush}}")
    plan = made.plan(context(answer, {"team": "shop", "long": "x" * 4096}))
    assert asked == [WantCall("runbooks", KEY)]
    assert isinstance(plan, Plan)
    assert plan.wishes == ()
    assert plan.once == (
        Once(
            RUNBOOKS, "call", KEY,
            {
                "key": KEY, "project": "sockshop", "stage": "production", "service": "carts",
                "title": "Response time degradation",
                "labels": {"team": "shop", "long": "x" * 996 + "\n..."}, "data": {"kind": "flush"},
            },
        ),
    )  # fmt: skip
    assert plan.subject == "call runbooks"
    assert KEY in plan.body
    assert "kind: flush" in plan.body


def test_webhook_fails_where_the_endpoint_is_not_allowed_and_waits_where_it_cannot_be_told() -> None:
    made = spec("webhook", "runbook")
    forbidden = NoFact("forbidden", "endpoint 'runbook' is not allowed", "add it", ("runbooks",))
    assert made.plan(context(lambda _: forbidden)) == Failure(
        "endpoint 'runbook' is not allowed", "did you mean runbooks? Add it"
    )
    blind = made.plan(context(lambda _: NoFact("blind", "no answer")))
    assert isinstance(blind, Wait)
    assert blind.condition == "blind"
    other = made.plan(context(lambda _: FlagFact(RUNBOOKS, enabled=True)))
    assert isinstance(other, Failure)


# Other makers


@dataclass
class Page:
    """An action that does as it is told."""

    names: Any = ("page",)
    answer: Any = None
    error: BaseException | None = None
    line: Any = "page somebody"
    parsing: BaseException | None = None
    told: list[Node | None] = field(default_factory=list)

    def parse(self, value: Node | None, place: Place) -> Page:
        self.told.append(value)
        if self.parsing is not None:
            raise self.parsing
        return self

    @property
    def written(self) -> str:
        if self.line is None:
            raise KeyError("line")
        return str(self.line)

    def plan(self, context: Context) -> Any:
        if self.error is not None:
            raise self.error
        return self.answer


@pytest.fixture
def added() -> Iterator[Callable[[Page], ContributedAction]]:
    known: list[ContributedAction] = []

    def add(page: Page) -> ContributedAction:
        action = checked_action(page, "pager 1.0")
        register([action])
        known.append(action)
        return action

    yield add
    unregister(known)


HALF = "\ud800"
"""Half a character, which cannot be written."""
SCALED = Wish(Target("kubernetes", "shop", "Deployment", "carts"), "replicas", base=1, before=1, by=1)
CALLED = Once(RUNBOOKS, "call", KEY)
WRONG_WISHES: tuple[dict[str, Any], ...] = (
    {"target": "carts"}, {"target": Target("kubernetes", "shop", "Deployment", "a/b")}, {"through": "carts"},
    {"target": Target("kubernetes", "shop", "Deployment", HALF)}, {"target": Target("kubernetes", 7, "a", "b")},  # type: ignore[arg-type]  # wrong
    {"field": 3}, {"field": ""}, {"mark": "ours"}, {"by": "two"}, {"by": 1.5}, {"by": True}, {"by": 10**5000},
    {"base": "1"}, {"base": None}, {"before": "1"}, {"base": "a", "before": "a"}, {"base": True, "before": True},
    {"by": None, "set": object()}, {"by": None, "set": float("nan")}, {"by": None, "set": 2.0},
    {"by": None, "set": [1]}, {"by": None, "set": "2"}, {"by": None, "set": True},
)  # fmt: skip
WRONG_CALLS: tuple[dict[str, Any], ...] = (
    {"target": "x"}, {"field": 3}, {"value": object()}, {"value": None}, {"value": 1.5}, {"value": HALF},
    {"payload": [1]}, {"payload": {1: 2}}, {"payload": {"a": {1}}}, {"payload": {"a": HALF}}, {"payload": {HALF: 1}},
    {"payload": {"a": "x" * 70_000}}, {"mark": 7},
)  # fmt: skip


class Mute(Exception):  # noqa: N818  (what somebody else calls it)
    def __str__(self) -> str:
        raise RuntimeError("no words")


Add = Callable[[Page], ContributedAction]


def planned(answer: Any) -> Any:
    return ContributedSpec(Page(answer=answer), "page", "pager 1.0").plan(context(not_called))


def test_a_playbook_may_name_what_was_registered_and_nothing_else(added: Add) -> None:
    playbook = load_playbook(b"remediations: [{name: slow, actions: [{action: page, value: +1}]}]", "remediation.yaml")
    (before,) = check_playbook(playbook)
    assert "install the package" in before.hint
    page = Page()
    added(page)
    assert check_playbook(playbook) == []
    assert [value.raw for value in page.told if isinstance(value, Scalar)] == ["+1"]
    made = parse_action("page", None, HERE)
    assert made.written == "page somebody"


def test_registering_again_changes_nothing(added: Add) -> None:
    action = added(Page())
    register([action])
    assert parse_action("page", None, HERE).written == "page somebody"


@pytest.mark.parametrize(("name", "other"), [("scaling", "reconciler itself"), ("page", "pager 1.0")])
def test_a_name_that_is_taken_is_refused_and_nothing_is_added(added: Add, name: str, other: str) -> None:
    added(Page())
    fresh, clash = (checked_action(Page(names=(each,)), "rival 2.1") for each in ("fresh", name))
    with pytest.raises(ConfigError) as caught:
        register([fresh, clash])
    assert f"rival 2.1 brings an action called {name!r}, and so does {other}" in str(caught.value)
    with pytest.raises(UserError):
        parse_action("fresh", None, HERE)


def test_two_makers_of_one_name_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"pager 1\.0"):
        register([checked_action(Page(), "pager 1.0"), checked_action(Page(), "rival 2.1")])
    with pytest.raises(UserError):
        parse_action("page", None, HERE)


@pytest.mark.parametrize(
    ("thing", "told"),
    [
        (Page, "class Page"),
        (object(), "without `names`"),
        (Page(names=()), "without `names`"),
        (Page(names=["page"]), "without `names`"),
        (Page(names=("page", 7)), "without `names`"),
        (Page(names=("Page",)), "called 'Page'"),
        (Page(names=("p\nage",)), "called"),
        (type("NoParse", (), {"names": ("page",)})(), "no `parse`"),
    ],
)
def test_what_is_no_action_is_refused_with_its_maker(thing: object, told: str) -> None:
    with pytest.raises(ConfigError) as caught:
        checked_action(thing, "pager 1.0")
    assert "pager 1.0" in str(caught.value)
    assert told in str(caught.value)
    assert caught.value.hint


def test_what_it_raises_while_parsing_is_a_finding_with_a_place(added: Add) -> None:
    added(Page(parsing=KeyError("x\ny")))
    with pytest.raises(UserError) as caught:
        parse_action("page", Scalar("v", False, HERE), Place("elsewhere"))
    assert caught.value.place == HERE
    assert "pager 1.0 failed with KeyError" in caught.value.message
    assert "\n" not in caught.value.message


def test_its_own_refusal_is_passed_on(added: Add) -> None:
    added(Page(parsing=UserError("no such rota", place=HERE)))
    with pytest.raises(UserError, match="no such rota"):
        parse_action("page", None, HERE)


def test_what_it_raises_while_planning_fails_the_action_and_names_its_maker() -> None:
    failure = ContributedSpec(Page(error=ZeroDivisionError("by zero")), "page", "pager 1.0").plan(context(not_called))
    assert isinstance(failure, Failure)
    assert failure.reason == "page of pager 1.0 failed with ZeroDivisionError: by zero"
    assert "pager 1.0" in failure.hint


def test_a_fact_that_is_not_there_yet_is_waited_for() -> None:
    with pytest.raises(UnseenError):
        ContributedSpec(Page(error=UnseenError()), "page", "pager 1.0").plan(context(not_called))


def test_good_answers_are_passed_on() -> None:
    wish = Wish(RUNBOOKS, "enabled", base=False, before=False, set=True)
    plan = planned(Plan([wish], "page\nsomebody", "x" * 20_000))  # type: ignore[arg-type]  # a list is forgiven
    assert plan.wishes == (wish,)
    assert plan.subject == "page somebody"
    assert len(plan.body) == 16_000
    call = Once(RUNBOOKS, "call", KEY, {"a": [1, "two", None]})
    assert planned(Plan((), "call", "", (call,))).once == (call,)
    assert planned(Failure("no rota")) == Failure("no rota")
    assert planned(Wait("budget", "all asleep", "morning")) == Wait("budget", "all asleep", "morning")
    assert planned(Escalation("x" * 400)).reason == "x" * 296 + " ..."


@pytest.mark.parametrize(
    "answer",
    [
        None,
        "done",
        Plan((), "nothing", ""),
        Plan((7,), "a number", ""),  # type: ignore[arg-type]  # what is wrong with it
        Plan((Wish(RUNBOOKS, "enabled", base=False, before=False),), "neither", ""),
        Plan((Wish(RUNBOOKS, "replicas", base=1, before=1, by=1, set=2),), "both", ""),
        Plan((), "call", "", (Once(RUNBOOKS, "call", KEY, {"a": object()}),)),
        Plan((), "call", "", (Once(RUNBOOKS, "call", KEY, {"a": float("nan")}),)),
        Plan((), " ", "", (Once(RUNBOOKS, "call", KEY),)),
        Failure(7),  # type: ignore[arg-type]  # what is wrong with it
        *(Plan((replace(SCALED, **wrong),), "scale", "") for wrong in WRONG_WISHES),
        *(Plan((), "call", "", (replace(CALLED, **wrong),)) for wrong in WRONG_CALLS),
        Plan((SCALED,), HALF, ""),
        Plan((SCALED,), "scale", f"because of {HALF}"),
        Failure(HALF), Failure("x", HALF), Wait(HALF, "", ""), Escalation(HALF),
    ],
)  # fmt: skip
def test_an_answer_that_cannot_be_committed_fails_the_action(answer: Any) -> None:
    failure = planned(answer)
    assert isinstance(failure, Failure)
    assert "pager 1.0" in failure.reason


@pytest.mark.parametrize("error", [SystemExit(3), GeneratorExit(), CancelledError(), Mute(), ValueError(HALF)])
def test_whatever_it_raises_ends_nobody_else(error: BaseException) -> None:
    failure = ContributedSpec(Page(error=error), "page", "pager 1.0").plan(context(not_called))
    assert isinstance(failure, Failure)
    assert f"page of pager 1.0 failed with {type(error).__name__}" in failure.reason
    assert failure.reason.encode()
    with pytest.raises(UserError, match=f"page of pager 1.0 failed with {type(error).__name__}") as caught:
        ContributedAction(Page(parsing=error), "pager 1.0").parse(None, HERE)
    assert caught.value.message.encode()


def test_a_person_may_interrupt_it() -> None:
    page = Page(error=KeyboardInterrupt(), parsing=KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        ContributedSpec(page, "page", "pager 1.0").plan(context(not_called))
    with pytest.raises(KeyboardInterrupt):
        ContributedAction(page, "pager 1.0").parse(None, HERE)


@pytest.mark.parametrize(
    "error",
    [UserError(f"no {HALF}"), UserError("no", hint=HALF), UserError("no", place="x")],  # type: ignore[arg-type]
)  # the last one has no place
def test_its_own_refusal_that_cannot_be_committed_is_a_finding_about_it(error: UserError) -> None:
    with pytest.raises(UserError, match=r"page of pager 1\.0 failed with UserError") as caught:
        ContributedAction(Page(parsing=error), "pager 1.0").parse(None, HERE)
    assert caught.value.place == HERE


@pytest.mark.parametrize(("line", "told"), [(HALF, "?"), (None, "page"), ("", "page"), ("a\nb", "a b")])
def test_what_it_is_called_in_one_line_is_one_line(line: str | None, told: str) -> None:
    assert ContributedSpec(Page(line=line), "page", "pager 1.0").written == told
