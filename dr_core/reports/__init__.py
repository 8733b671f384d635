"""What leaves the house: CSV, JSON and PDF reports of screening results."""
