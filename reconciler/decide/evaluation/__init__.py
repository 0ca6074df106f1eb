"""SLO evaluation as Keptn 1.4.5's lighthouse-service did it, pure: objectives and values in, a result out.

Where we differ, the module says so and docs/keptn-compatibility.md names it.
"""
