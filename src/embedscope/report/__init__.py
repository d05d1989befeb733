"""Reports: a result as one HTML file, figures and terminal tables."""
