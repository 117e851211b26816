"""The faults that the tests must notice; each says which test files are asked."""

from __future__ import annotations

from tests.mutants import faults_edges, faults_middle, faults_rules, faults_running
from tests.mutants.fault import Fault

FAULTS: tuple[Fault, ...] = (
    *faults_rules.FAULTS,
    *faults_middle.FAULTS,
    *faults_edges.FAULTS,
    *faults_running.FAULTS,
)
