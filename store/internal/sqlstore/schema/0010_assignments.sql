create table identity_assignments (
  tenant_id  text /*bytes*/ not null,
  user_id    text /*bytes*/ not null,
  role_id    text /*bytes*/ not null,
  created_at timestamptz,
  primary key (tenant_id, user_id, role_id)
);
create index identity_assignments_user on identity_assignments (user_id);
create index identity_assignments_role on identity_assignments (role_id, tenant_id);
