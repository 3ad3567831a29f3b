"""Which neck levels are likely to be involved, from real patients' tables: the prior of the node classifier there."""
