"""Documents about people, organizations, teams and keys, for those who administer a server."""

_USER = """fragment UserParts on User {
  username name email admin entity organizations { name } teams { edges { node { name } } }
}"""
_KEY = "fragment KeyParts on ApiKey { id name description createdAt expiresAt lastUsedAt }"
_ORGANIZATION = "fragment OrganizationParts on Organization { name createdAt orgEntity { name } }"
_MEMBERS = "fragment MemberParts on Member { id username name email role pending accountType }"

VIEWER = f"query Viewer {{ viewer {{ ...UserParts }} }} {_USER}"

USER_BY_NAME = f"""query UserByName($username: String!) {{
  users(query: $username, first: 10) {{ edges {{ node {{ ...UserParts }} }} }}
}} {_USER}"""

USERS = f"""query Users($after: String) {{
  page: users(first: 100, after: $after) {{
    edges {{ node {{ ...UserParts }} }}
    pageInfo {{ hasNextPage endCursor }}
  }}
}} {_USER}"""

CREATE_USER = f"""mutation CreateUserAsAdministrator($input: CreateUserInput!) {{
  createUser(input: $input) {{ user {{ ...UserParts }} passwordLink }}
}} {_USER}"""

UPDATE_USER = f"""mutation UpdateUser($input: UpdateUserInput!) {{
  updateUser(input: $input) {{ user {{ ...UserParts }} }}
}} {_USER}"""

DELETE_USER = """mutation DeleteUser($input: DeleteUserInput!) {
  deleteUser(input: $input) { success }
}"""

ORGANIZATIONS = f"""query Organizations($after: String) {{
  page: organizations(first: 100, after: $after) {{
    edges {{ node {{ ...OrganizationParts }} }}
    pageInfo {{ hasNextPage endCursor }}
  }}
}} {_ORGANIZATION}"""

ORGANIZATION = f"""query OrganizationByName($name: String!) {{
  organization(name: $name) {{ ...OrganizationParts }}
}} {_ORGANIZATION}"""

ORGANIZATION_MEMBERS = """query OrganizationMembers($name: String!, $after: String) {
  organization(name: $name) {
    page: members(first: 100, after: $after) {
      edges { node { role user { username name email } } }
      pageInfo { hasNextPage endCursor }
    }
  }
}"""

ORGANIZATION_TEAMS = """query OrganizationTeams($name: String!, $after: String) {
  organization(name: $name) {
    page: teams(first: 100, after: $after) {
      edges { node { name createdAt } }
      pageInfo { hasNextPage endCursor }
    }
  }
}"""

CREATE_ORGANIZATION = f"""mutation CreateOrganization($input: CreateOrganizationInput!) {{
  createOrganization(input: $input) {{ organization {{ ...OrganizationParts }} }}
}} {_ORGANIZATION}"""

DELETE_ORGANIZATION = """mutation DeleteOrganization($input: DeleteOrganizationInput!) {
  deleteOrganization(input: $input) { success }
}"""

ADD_ORGANIZATION_MEMBER = """mutation AddOrganizationMember($input: AddOrganizationMemberInput!) {
  addOrganizationMember(input: $input) { success }
}"""

UPDATE_ORGANIZATION_MEMBER = """mutation UpdateOrganizationMember($input: UpdateOrganizationMemberInput!) {
  updateOrganizationMember(input: $input) { success }
}"""

REMOVE_ORGANIZATION_MEMBER = """mutation RemoveOrganizationMember($input: RemoveOrganizationMemberInput!) {
  removeOrganizationMember(input: $input) { success }
}"""

TEAM = f"""query TeamByName($name: String!) {{
  entity(name: $name) {{
    name isTeam createdAt organization {{ name }} members {{ ...MemberParts }}
  }}
}} {_MEMBERS}"""

CREATE_TEAM = """mutation CreateTeamIn($input: CreateTeamInput!) {
  createTeam(input: $input) { entity { name createdAt organization { name } } }
}"""

DELETE_TEAM = """mutation DeleteTeam($input: DeleteTeamInput!) {
  deleteTeam(input: $input) { success }
}"""

ADD_TEAM_MEMBER = """mutation AddTeamMember($input: CreateInviteInput!) {
  createInvite(input: $input) { passwordLink }
}"""

UPDATE_TEAM_MEMBER = """mutation UpdateTeamMember($input: UpdateTeamMemberInput!) {
  updateTeamMember(input: $input) { success }
}"""

REMOVE_TEAM_MEMBER = """mutation RemoveTeamMember($input: DeleteInviteInput!) {
  deleteInvite(input: $input) { success }
}"""

OWN_KEYS = f"""query OwnKeys {{
  viewer {{ username apiKeys {{ edges {{ node {{ ...KeyParts }} }} }} }}
}} {_KEY}"""

KEYS_OF_USER = f"""query KeysOfUser($username: String!) {{
  users(query: $username, first: 10) {{
    edges {{ node {{ username apiKeys {{ edges {{ node {{ ...KeyParts }} }} }} }} }}
  }}
}} {_KEY}"""

CREATE_KEY = f"""mutation CreateKey($input: GenerateApiKeyInput!) {{
  generateApiKey(input: $input) {{ apiKey {{ ...KeyParts }} }}
}} {_KEY}"""

DELETE_KEY = """mutation DeleteKey($input: DeleteApiKeyInput!) {
  deleteApiKey(input: $input) { success }
}"""
