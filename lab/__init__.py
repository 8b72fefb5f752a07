"""The lab: the whole stack on one machine, with an embedded AWS account."""
