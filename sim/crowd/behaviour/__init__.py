"""What people decide: which way out, to keep together, to go round a crowd, what smoke does to them."""
