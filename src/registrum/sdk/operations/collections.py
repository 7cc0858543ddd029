"""Documents about types and collections of artifacts, and the versions in one collection."""

from registrum.sdk.operations.artifacts import ALIASES_PARTS, VERSION_PARTS

_PAGE = "pageInfo { hasNextPage endCursor }"
_PROJECT = "$entity: String!, $project: String!"

COLLECTION_PARTS = """fragment CollectionParts on ArtifactCollection {
  __typename id name description createdAt updatedAt
  project { id internalId name entity { name } }
  type: defaultArtifactType { name }
  tags { edges { node { name } } }
}"""

TYPE_PARTS = "fragment TypeParts on ArtifactType { id name description createdAt }"

TYPES = f"""query ArtifactTypes({_PROJECT}, $after: String, $first: Int) {{
  project(name: $project, entityName: $entity) {{
    page: artifactTypes(after: $after, first: $first) {{ edges {{ node {{ ...TypeParts }} }} {_PAGE} }}
  }}
}} {TYPE_PARTS}"""

TYPE = f"""query ArtifactType({_PROJECT}, $type: String!) {{
  project(name: $project, entityName: $entity) {{ artifactType(name: $type) {{ ...TypeParts }} }}
}} {TYPE_PARTS}"""

COLLECTION = f"""query ArtifactCollection({_PROJECT}, $type: String!, $name: String!) {{
  project(name: $project, entityName: $entity) {{
    artifactType(name: $type) {{ artifactCollection(name: $name) {{ ...CollectionParts }} }}
  }}
}} {COLLECTION_PARTS}"""

_ASKED = """$filters: JSONString, $order: String, $after: String, $first: Int,
  $count: Boolean = false"""
_LIST = "artifactCollections(filters: $filters, order: $order, after: $after, first: $first)"

OF_TYPE = f"""query CollectionsOfType({_PROJECT}, $type: String!, {_ASKED}) {{
  project(name: $project, entityName: $entity) {{
    artifactType(name: $type) {{ page: {_LIST} {{ totalCount @include(if: $count) edges {{ node {{ ...CollectionParts }} }} {_PAGE} }} }}
  }}
}} {COLLECTION_PARTS}"""

OF_PROJECT = f"""query CollectionsOfProject({_PROJECT}, {_ASKED}) {{
  project(name: $project, entityName: $entity) {{
    page: {_LIST} {{ totalCount @include(if: $count) edges {{ node {{ ...CollectionParts }} }} {_PAGE} }}
  }}
}} {COLLECTION_PARTS}"""

_ARTIFACTS = "artifacts(filters: $filters, order: $order, after: $after, first: $first)"
_ONE = "artifactType(name: $type) { artifactCollection(name: $collection) {"

VERSIONS = f"""query VersionsOfCollection(
  {_PROJECT}, $type: String!, $collection: String!, {_ASKED}
) {{
  project(name: $project, entityName: $entity) {{
    {_ONE}
      page: {_ARTIFACTS} {{
        totalCount @include(if: $count)
        edges {{ version node {{ ...VersionParts ...AliasesParts }} }} {_PAGE}
      }}
    }} }}
  }}
}} {VERSION_PARTS} {ALIASES_PARTS}"""

ALIASES = f"""query CollectionAliases($id: ID!, $after: String) {{
  artifactCollection(id: $id) {{
    page: aliases(first: 1000, after: $after) {{ edges {{ node {{ alias }} }} {_PAGE} }}
  }}
}}"""

UPDATE_SEQUENCE = f"""mutation UpdateSequence($input: UpdateArtifactSequenceInput!) {{
  result: updateArtifactSequence(input: $input) {{ artifactCollection {{ ...CollectionParts }} }}
}} {COLLECTION_PARTS}"""

UPDATE_PORTFOLIO = f"""mutation UpdatePortfolio($input: UpdateArtifactPortfolioInput!) {{
  result: updateArtifactPortfolio(input: $input) {{ artifactCollection {{ ...CollectionParts }} }}
}} {COLLECTION_PARTS}"""

MOVE_SEQUENCE = """mutation MoveSequence($input: MoveArtifactSequenceInput!) {
  moveArtifactSequence(input: $input) { artifactCollection { id } }
}"""

ADD_TAGS = """mutation AddCollectionTags($input: CreateArtifactCollectionTagAssignmentsInput!) {
  createArtifactCollectionTagAssignments(input: $input) { tags { id } }
}"""

DELETE_TAGS = """mutation DeleteCollectionTags($input: DeleteArtifactCollectionTagAssignmentsInput!) {
  deleteArtifactCollectionTagAssignments(input: $input) { success }
}"""

DELETE_SEQUENCE = """mutation DeleteSequence($input: DeleteArtifactSequenceInput!) {
  deleteArtifactSequence(input: $input) { artifactCollection { state } }
}"""

DELETE_PORTFOLIO = """mutation DeletePortfolio($input: DeleteArtifactPortfolioInput!) {
  deleteArtifactPortfolio(input: $input) { artifactCollection { state } }
}"""
