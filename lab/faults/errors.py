"""Why an experiment ends as failed; the message becomes its reason."""


class ActionFailedError(Exception):
    """An action cannot be carried out."""
