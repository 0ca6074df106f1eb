"""The identifiers that cross borders, as types of their own so that they cannot be confused."""

from __future__ import annotations

from typing import NewType

ProjectName = NewType("ProjectName", str)
StageName = NewType("StageName", str)
ServiceName = NewType("ServiceName", str)
"""The last folder of the service's directory; unique in a stage."""
ServicePath = NewType("ServicePath", str)
"""The service's directory from the branch's root, with ``/``, without one at either end: ``shop/carts``."""
ProblemId = NewType("ProblemId", str)
"""The stem of the problem's file, percent-encoded where Git refs need it."""
RemediationId = NewType("RemediationId", str)
"""The first problem's id, with ``+n`` from its second occurrence on."""
CommitId = NewType("CommitId", str)
BlobId = NewType("BlobId", str)
