"""Keyword spotting: from recordings to a trained, quantised network, and its evaluation."""
