"""Brings work in from outside: tasks of benchmarks, and what agents made of them elsewhere."""
