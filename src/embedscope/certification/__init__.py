"""What every change shares: three parts of the data, candidates, judges, the paired test and the decision."""
