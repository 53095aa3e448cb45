"""Solidity and history in, scorecards out: compile, admit, replay on a real EVM, score. Knows nothing of LLMs."""
