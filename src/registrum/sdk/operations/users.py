"""Documents about people and their keys."""

USER_PARTS = """fragment UserParts on User {
  id name username email admin flags entity deletedAt
  apiKeys { edges { node { id name description } } }
  teams { edges { node { name } } }
}"""

VIEWER = f"query Viewer {{ viewer {{ ...UserParts }} }} {USER_PARTS}"

SEARCH_USERS = f"""query SearchUsers($query: String) {{
  users(query: $query) {{ edges {{ node {{ ...UserParts }} }} }}
}} {USER_PARTS}"""

CREATE_USER = f"""mutation CreateUser($input: CreateUserInput!) {{
  createUser(input: $input) {{ user {{ ...UserParts }} }}
}} {USER_PARTS}"""

GENERATE_API_KEY = """mutation GenerateApiKey($input: GenerateApiKeyInput!) {
  generateApiKey(input: $input) { apiKey { id name description } }
}"""

DELETE_API_KEY = """mutation DeleteApiKey($input: DeleteApiKeyInput!) {
  deleteApiKey(input: $input) { success }
}"""
