"""``compare``: how two spaces over the same rows are related, and which model fits texts without labels."""

from embedscope.comparison.compare import Comparison, compare
from embedscope.comparison.relation import RELATIONS, Relation, relation_of

__all__ = ["RELATIONS", "Comparison", "Relation", "compare", "relation_of"]
