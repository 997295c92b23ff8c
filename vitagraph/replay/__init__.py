"""Replay: runs recorded audio through any graph and collects files, transcripts and latency waterfalls."""
