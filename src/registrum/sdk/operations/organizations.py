"""Documents about organizations, and which one an entity belongs to."""

_PARTS = "fragment OrganizationParts on Organization { id name orgEntity { id name entityType } }"

ORGANIZATION = f"""query Organization($name: String!) {{
  organization(name: $name) {{ ...OrganizationParts }}
}} {_PARTS}"""

OF_ENTITY = f"""query OrganizationOfEntity($entity: String!) {{
  entity(name: $entity) {{
    organization {{ ...OrganizationParts }}
    user {{ organizations {{ ...OrganizationParts }} }}
  }}
}} {_PARTS}"""
