"""Documents about projects."""

from registrum.sdk.operations.users import USER_PARTS

_PARTS = f"""fragment ProjectParts on Project {{
  id name entityName createdAt isBenchmark user {{ ...UserParts }}
}} {USER_PARTS}"""

PROJECT = f"""query Project($entity: String!, $name: String!) {{
  project(name: $name, entityName: $entity) {{ ...ProjectParts }}
}} {_PARTS}"""

PROJECTS = f"""query Projects($entity: String!, $after: String, $first: Int) {{
  page: models(entityName: $entity, after: $after, first: $first) {{
    edges {{ node {{ ...ProjectParts }} }} pageInfo {{ hasNextPage endCursor }}
  }}
}} {_PARTS}"""

CREATE_PROJECT = """mutation CreateProject($input: UpsertModelInput!) {
  upsertModel(input: $input) { project { id } }
}"""
