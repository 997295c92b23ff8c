"""Recorded audio through any graph, and what came of it: files, words, a waterfall a turn."""
