"""The guards behind the rows of intake."""

from __future__ import annotations

from typing import Final

from tests.faults.guards import Mutation
from tests.faults.guards_process import _THANKED, _WAITED_FOR

_FORGES: Final = "reconciler/intake/forges.py"

GUARDS: Final = (
    Mutation(
        "w1", "reconciler/intake/merging.py",
        "    if report.final or report.replayable or (", "    if report.replayable or (",
    ),
    Mutation(
        "w1", "reconciler/daemon/filing.py",
        "        blob = self._files(service).get(rest)\n        return None if blob is None else",
        "        blob = self._files(service).get(rest)\n        return None if rest else",
    ),
    Mutation(
        "w1", "reconciler/daemon/filing.py",
        "if known is None and (service, report.id) in self._archived():", "if known is None and False:",
        "tests/daemon/test_reception.py -k archived",
    ),
    Mutation("w2", "reconciler/daemon/web/bodies.py", "if len(body) > largest:", "if False:"),
    Mutation(
        "w2", "reconciler/daemon/web/webhooks.py",
        "if wait := self._rate.wait(_address(request)):", "if wait := 0.0:",
        "tests/faults/test_intake_floods.py -k a_rate",
    ),
    Mutation("w2", "reconciler/daemon/web/protocol.py", "if len(self.connections) > self._most:", "if False:"),
    Mutation(
        "w2", "reconciler/daemon/web/protocol.py",
        "self._set_timer(self._limits.read, lambda: self._turn_away(408))", "self._stop_timer()",
    ),
    Mutation(
        "w2", "reconciler/daemon/web/bodies.py",
        'if request.headers.get("content-encoding", "identity").strip().lower() not in {"", "identity"}:', "if False:",
    ),
    Mutation(
        "w2", "reconciler/intake/json_body.py",
        "    except RecursionError as error:\n", "    except OSError as error:\n",
    ),
    Mutation("w3", "reconciler/daemon/web/authentication.py", "if not same(given, read_secret(auth)):", "if False:"),
    Mutation("w3", "reconciler/model/credentials.py", "hmac.compare_digest(one, other)", "one == other"),
    Mutation("w3", "reconciler/intake/signatures.py", "return right and bool(secret)", "return bool(secret)"),
    Mutation(
        "w3", "reconciler/intake/signatures.py",
        'hmac.compare_digest(signature(body, secret).encode(), digits.lower().encode("utf-8", "replace"))',
        "signature(body, secret) == digits.lower()",
    ),
    Mutation(
        "w3", _FORGES, "hmac.compare_digest(hashlib.sha256(token).digest(), hashlib.sha256(secret).digest())",
        "hmac.compare_digest(token, secret)",
    ),
    Mutation("w3", _FORGES, "any(hmac.compare_digest(right, word) for", "any(right == word for"),
    Mutation(
        "w3", "reconciler/intake/merging.py",
        "    if report.final or report.replayable or (", "    if report.final or (",
    ),
    Mutation(
        "w4", "reconciler/intake/alertmanager.py",
        'state="open" if state == "open" else "resolved",', 'state="open",',
    ),
    Mutation("w4", "reconciler/daemon/web/webhooks.py", "truncated = group.truncated\n", "truncated = 0\n"),
    Mutation(
        "w5", "reconciler/daemon/filing.py",
        "        return self._names.unknown(name)\n",
        "        self._names.unknown(name)\n        return ServicePath(name)\n",
    ),
    Mutation(
        "w6", "reconciler/daemon/reporting.py",
        "title = escape(report.problem.title)", "title = report.problem.title",
    ),
    Mutation(
        "w6", "reconciler/repo/trailers.py",
        'first = escape(" ".join(subject.split()))', 'first = " ".join(subject.split())',
    ),
    Mutation("w6", "reconciler/bridge/rendering.py", "autoescape=True", "autoescape=False"),
    Mutation("w6", "reconciler/daemon/logs.py", "            _escaped,\n", ""),
    Mutation("w7", "reconciler/daemon/web/delivery.py", '    if outcomes["unavailable"]:\n', "    if False:\n"),
    Mutation(
        "w7", "reconciler/daemon/web/delivery.py", _WAITED_FOR, _THANKED,
        "tests/faults/test_intake_storage.py -k damaged",
    ),
    Mutation(
        "w7", "reconciler/repo/faults.py", '    rf"|{_NONE_OF_OURS}",\n', '    "",\n',
        "tests/faults/test_intake_storage.py -k lose_head",
    ),
)  # fmt: skip
