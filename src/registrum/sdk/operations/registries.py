"""Documents about registries: making, editing, removing, listing, and what is searched in them."""

from registrum.sdk.operations.artifacts import PLACE_PARTS
from registrum.sdk.operations.collections import COLLECTION_PARTS

_PAGE = "pageInfo { hasNextPage endCursor }"

REGISTRY_PARTS = """fragment RegistryParts on Project {
  id internalId name description access createdAt updatedAt
  allowAllArtifactTypes: allowAllArtifactTypesInRegistry
  entity { name organization { name } }
  artifactTypes(includeAll: true) { edges { node { name } } }
}"""

REGISTRY = f"""query RegistryByName($entity: String!, $name: String!) {{
  entity(name: $entity) {{ project(name: $name) {{ ...RegistryParts }} }}
}} {REGISTRY_PARTS}"""

REGISTRIES = f"""query Registries(
  $organization: String!, $filters: JSONString, $order: String, $after: String, $first: Int
) {{
  organization(name: $organization) {{
    orgEntity {{
      page: projects(filters: $filters, order: $order, after: $after, first: $first) {{
        edges {{ node {{ ...RegistryParts }} }} {_PAGE}
      }}
    }}
  }}
}} {REGISTRY_PARTS}"""

_COLLECTIONS = """artifactCollections(
        projectFilters: $registryFilters, filters: $filters, order: $order, after: $after, first: $first
        collectionTypes: [PORTFOLIO]
      )"""
_OF_COLLECTIONS = """$organization: String!, $registryFilters: JSONString, $filters: JSONString,
  $order: String, $after: String, $first: Int, $count: Boolean = false"""

COLLECTIONS = f"""query RegistryCollections({_OF_COLLECTIONS}) {{
  organization(name: $organization) {{
    orgEntity {{ page: {_COLLECTIONS} {{ totalCount @include(if: $count) edges {{ node {{ ...CollectionParts }} }} {_PAGE} }} }}
  }}
}} {COLLECTION_PARTS}"""

_VERSIONS = """artifactMemberships(
        projectFilters: $registryFilters, collectionFilters: $collectionFilters, filters: $filters
        order: $order, after: $after, first: $first
      )"""
_OF_VERSIONS = """$organization: String!, $registryFilters: JSONString, $collectionFilters: JSONString,
  $filters: JSONString, $order: String, $after: String, $first: Int, $count: Boolean = false"""

VERSIONS = f"""query RegistryVersions({_OF_VERSIONS}) {{
  organization(name: $organization) {{
    orgEntity {{ page: {_VERSIONS} {{ totalCount @include(if: $count) edges {{ node {{ ...PlaceParts }} }} {_PAGE} }} }}
  }}
}} {PLACE_PARTS}"""

UPSERT_REGISTRY = f"""mutation UpsertRegistry($input: UpsertModelInput!) {{
  upsertModel(input: $input) {{ project {{ ...RegistryParts }} }}
}} {REGISTRY_PARTS}"""

RENAME_REGISTRY = f"""mutation RenameRegistry($input: RenameProjectInput!) {{
  renameProject(input: $input) {{ project {{ ...RegistryParts }} }}
}} {REGISTRY_PARTS}"""

DELETE_REGISTRY = """mutation DeleteRegistry($input: DeleteModelInput!) {
  deleteModel(input: $input) { success }
}"""
