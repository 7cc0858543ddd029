"""Documents about who is a member of a registry."""

from registrum.sdk.operations.teams import TEAM_PARTS

USER_MEMBERS = """query RegistryUserMembers($entity: String!, $name: String!) {
  project(name: $name, entityName: $entity) {
    members { id name username email role { name } }
  }
}"""

TEAM_MEMBERS = f"""query RegistryTeamMembers($entity: String!, $name: String!) {{
  project(name: $name, entityName: $entity) {{
    teamMembers {{ team {{ ...TeamParts }} role {{ name }} }}
  }}
}} {TEAM_PARTS}"""

ADD_MEMBERS = """mutation AddRegistryMembers($input: CreateProjectMembersInput!) {
  createProjectMembers(input: $input) { success }
}"""

REMOVE_MEMBERS = """mutation RemoveRegistryMembers($input: DeleteProjectMembersInput!) {
  deleteProjectMembers(input: $input) { success }
}"""

UPDATE_USER = """mutation UpdateRegistryUser($input: UpdateProjectMemberInput!) {
  updateProjectMember(input: $input) { success }
}"""

UPDATE_TEAM = """mutation UpdateRegistryTeam($input: UpdateProjectTeamMemberInput!) {
  updateProjectTeamMember(input: $input) { success }
}"""
