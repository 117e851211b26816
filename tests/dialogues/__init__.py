"""Readable wire transcripts, one oddity per file, each naming its source; `test_dialogues.py` plays them."""
