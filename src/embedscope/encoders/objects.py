IDS = ("object",)
ENTRIES = {}
def named_model(x): raise NotImplementedError
