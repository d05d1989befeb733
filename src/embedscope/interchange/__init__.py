"""Results in the files of other tools (mteb, Hugging Face, GitHub), and our encoders as theirs."""
