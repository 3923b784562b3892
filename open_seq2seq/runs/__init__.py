"""What runs leave behind: records, summaries, curves, reports and the results table."""
