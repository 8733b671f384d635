"""The words of the reading room: grades, results, guideline intervals and errors."""
