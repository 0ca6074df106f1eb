"""Which tests `make test` leaves to `make thorough`: those that take long because the real thing does."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import settings

ROOT = Path(__file__).parent
# No test is about how fast a machine is; all else stays as it is by default, or in CI.
settings.register_profile("unhurried", settings(), deadline=None)
settings.load_profile("unhurried")
THOROUGH = (
    "benchmarks/*", "plugins/*", "faults/*", "fuzz/*", "mutation/*", "simulation/*",
    "repo/test_stage_bombs.py", "cli/test_stage_bombs.py", "daemon/test_shortage.py",
    "daemon/test_tracing.py", "demo/test_demo.py",
    "cli/test_template_ci*", "cli/test_plan*", "cli/test_bisect.py", "cli/test_explain.py", "cli/test_status_at.py",
    "cli/test_verify.py", "cli/test_replay.py", "cli/test_tampering*", "cli/test_validate_mistakes_names.py",
    "cli/test_validate_many.py", "cli/test_bridge.py",
    "decide/test_properties.py", "decide/test_limits.py", "decide/test_state_table.py", "cli/test_daemon_verbs.py",
    "cli/test_commands.py", "cli/test_status.py",
    "daemon/test_reception*", "daemon/test_bridge.py", "daemon/test_process.py",
    "daemon/leases/test_processes*", "daemon/test_planted_secrets.py", "daemon/leases/test_sharing.py",
    "model/test_schema_publication.py",
    "daemon/test_crashes.py", "daemon/test_closed_loop.py", "daemon/test_agreement.py", "daemon/test_world.py",
    "daemon/test_archiving.py", "repo/test_mirror_killed.py",
    "repo/test_signatures_agree.py", "daemon/test_notifications.py", "daemon/test_verdicts*", "daemon/test_proposals*",
    "daemon/test_signed*", "daemon/test_races.py", "daemon/test_portions.py",
    "repo/test_replay*", "repo/test_chronicle*", "bridge/*",
    "cli/doctor/test_doctor_git.py", "docs/test_howto.py", "security/*",
    "embedded/test_against.py", "deploy/test_image_steps.py", "deploy/test_rights_contract.py",
    "deploy/test_upgrade.py", "docs/test_tutorial.py",
    "repo/test_signing_line.py", "repo/test_differing.py", "repo/test_lastchange.py", "cli/test_uncounted.py",
    "cli/test_bombs_in_history.py", "daemon/test_github_app.py", "daemon/test_listing.py", "daemon/test_stage_bombs.py",
    "daemon/test_late_answers.py", "daemon/test_old_facts.py", "daemon/test_closed.py", "requirements/*",
    "repo/test_mirror_http.py", "repo/test_push.py", "repo/test_isolated.py", "model/test_arbitrary_bytes.py",
    "cli/test_problem.py", "daemon/test_metrics.py", "cli/test_problem_end_to_end.py",
    "daemon/leases/test_beliefs.py", "targets/flagd/test_spans.py",
    "docs/test_migration.py", "docs/test_sockshop*", "docs/test_operations.py",
)  # fmt: skip
"""Whole files: many processes, real repositories by the dozen, long walks. All the rest takes a few minutes."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark them; what they are is decided here and nowhere else."""
    for item in items:
        place = item.path.relative_to(ROOT) if item.path.is_relative_to(ROOT) else Path()
        if any(place.match(pattern) for pattern in THOROUGH):
            item.add_marker("thorough")
