"""Measures Tidings beside moto's server and ministack: same machine, same load, same pinning, one run.

Run as `python -m bench.compare` from the checkout; `docs/benchmarks.md` says what each figure means. Nothing in `tidings`
imports this package.
"""
