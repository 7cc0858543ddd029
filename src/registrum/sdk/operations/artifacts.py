"""Documents about versions: reading, editing, linking, and what joins them to runs.

`VERSION_PARTS` and `PLACE_PARTS` are fragments for other nouns' documents; `versions.py` reads what they select.
"""

_PROJECT = "project { name entity { name } }"

VERSION_PARTS = f"""fragment VersionParts on Artifact {{
  id state versionIndex description metadata digest digestAlgorithm commitHash size fileCount
  historyStep ttlDurationSeconds ttlIsInherited createdAt updatedAt
  tags {{ name }} artifactType {{ name }} artifactSequence {{ name {_PROJECT} }}
}}"""

ALIASES_PARTS = f"""fragment AliasesParts on Artifact {{
  aliases {{ alias artifactCollection {{ __typename name {_PROJECT} }} }}
}}"""

PLACE_PARTS = f"""fragment PlaceParts on ArtifactCollectionMembership {{
  versionIndex createdAt aliases {{ alias }}
  artifactCollection {{ __typename id name {_PROJECT} }}
  artifact {{ ...VersionParts }}
}} {VERSION_PARTS}"""

PLACE_BY_NAME = f"""query PlaceByName($entity: String!, $project: String!, $name: String!) {{
  project(entityName: $entity, name: $project) {{
    place: artifactCollectionMembership(name: $name) {{ ...PlaceParts }}
  }}
}} {PLACE_PARTS}"""

VERSION_BY_ID = f"""query VersionById($id: ID!) {{
  artifact(id: $id) {{ ...VersionParts ...AliasesParts }}
}} {VERSION_PARTS} {ALIASES_PARTS}"""

LINKS = f"""query Links($id: ID!) {{
  artifact(id: $id) {{
    places: artifactMemberships(first: 500) {{
      edges {{ node {{
        versionIndex createdAt aliases {{ alias }}
        artifactCollection {{ __typename id name {_PROJECT} }}
      }} }}
    }}
  }}
}}"""

COLLECTION_ID = """query CollectionId($entity: String!, $project: String!, $name: String!) {
  project(entityName: $entity, name: $project) { artifactCollection(name: $name) { id } }
}"""

CREATED_BY = f"""query CreatedBy($id: ID!) {{
  artifact(id: $id) {{ createdBy {{ __typename ... on Run {{ name {_PROJECT} }} }} }}
}}"""

USED_BY = f"""query UsedBy($id: ID!, $after: String) {{
  artifact(id: $id) {{
    usedBy(first: 100, after: $after) {{
      edges {{ node {{ name {_PROJECT} }} }}
      pageInfo {{ hasNextPage endCursor }}
    }}
  }}
}}"""

IS_READ_ONLY = """query IsReadOnly($entity: String!, $project: String!) {
  project(entityName: $entity, name: $project) { readOnly }
}"""

UPDATE = f"""mutation UpdateVersion($input: UpdateArtifactInput!) {{
  updateArtifact(input: $input) {{ artifact {{ ...VersionParts ...AliasesParts }} }}
}} {VERSION_PARTS} {ALIASES_PARTS}"""

ADD_ALIASES = """mutation AddAliases($input: AddAliasesInput!) {
  addAliases(input: $input) { success }
}"""

DELETE_ALIASES = """mutation DeleteAliases($input: DeleteAliasesInput!) {
  deleteAliases(input: $input) { success }
}"""

LINK = f"""mutation Link($input: LinkArtifactInput!) {{
  linkArtifact(input: $input) {{ place: artifactMembership {{ ...PlaceParts }} }}
}} {PLACE_PARTS}"""

UNLINK = """mutation Unlink($input: UnlinkArtifactInput!) {
  unlinkArtifact(input: $input) { success }
}"""

DELETE = """mutation DeleteVersion($input: DeleteArtifactInput!) {
  deleteArtifact(input: $input) { artifact { id } }
}"""

USE = """mutation UseVersion($input: UseArtifactInput!) {
  useArtifact(input: $input) { artifact { id } }
}"""

MANIFEST = """query ManifestOf($id: ID!) {
  artifact(id: $id) { currentManifest { file { directUrl } } }
}"""

_FILES = "files(names: $names, after: $after, first: $first)"
_FILE_PARTS = "id name url sizeBytes storagePath mimetype updatedAt digest md5 directUrl"
_PLACE_OF_FILES = "artifactCollection(name: $collection) { artifactMembership(aliasName: $version)"

FILE_URLS = f"""query FileUrls(
  $entity: String!, $project: String!, $collection: String!, $version: String!,
  $names: [String!], $after: String, $first: Int
) {{
  project(entityName: $entity, name: $project) {{
    {_PLACE_OF_FILES} {{
      page: {_FILES} {{ edges {{ node {{ name directUrl }} }} pageInfo {{ hasNextPage endCursor }} }}
    }} }}
  }}
}}"""

FILE_URLS_BY_ID = f"""query FileUrlsById($id: ID!, $names: [String!], $after: String, $first: Int) {{
  artifact(id: $id) {{
    page: {_FILES} {{ edges {{ node {{ name directUrl }} }} pageInfo {{ hasNextPage endCursor }} }}
  }}
}}"""

FILES = f"""query Files(
  $entity: String!, $project: String!, $collection: String!, $version: String!,
  $names: [String!], $after: String, $first: Int
) {{
  project(entityName: $entity, name: $project) {{
    {_PLACE_OF_FILES} {{
      page: {_FILES} {{
        edges {{ node {{ {_FILE_PARTS} }} }} pageInfo {{ hasNextPage endCursor }}
      }}
    }} }}
  }}
}}"""

FILE_COUNT = f"""query FileCount(
  $entity: String!, $project: String!, $collection: String!, $version: String!,
  $names: [String!], $after: String, $first: Int
) {{
  project(entityName: $entity, name: $project) {{
    {_PLACE_OF_FILES} {{ page: {_FILES} {{ totalCount }} }} }}
  }}
}}"""
