"""What an example of the denial tests is: what is asked, and the rights it takes."""

from dataclasses import dataclass
from typing import Any

from tests.contract.denial_needs import Need


@dataclass(frozen=True)
class Example:
    """A request and what it takes.

    Attributes:
        field: the root field.
        name: how it is asked, for people who read a failure.
        variables: of the operation.
        needs: in the order in which the server looks at them.
        query: the document; None: made from the schema.
        then: the status for who has all the rights, where something else stands in the way.
    """

    field: str
    name: str
    variables: dict[str, Any]
    needs: tuple[Need, ...]
    query: str | None = None
    then: int = 200

    @property
    def title(self) -> str:
        """Both names."""
        return f"{self.field}: {self.name}"
