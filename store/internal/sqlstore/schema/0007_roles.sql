create table identity_roles (
  tenant_id   text /*bytes*/ not null,
  id          text /*bytes*/ not null,
  key         text /*bytes*/ not null,
  name        text not null,
  description text not null,
  level       integer not null,
  is_default  boolean not null,
  first_user  boolean not null,
  created_at  timestamptz,
  updated_at  timestamptz,
  primary key (tenant_id, id),
  unique (tenant_id, key)
);
create index identity_roles_key on identity_roles (key);
create index identity_roles_id on identity_roles (id);
create table identity_role_permissions (
  tenant_id     text /*bytes*/ not null,
  role_id       text /*bytes*/ not null,
  permission_id text /*bytes*/ not null,
  primary key (tenant_id, role_id, permission_id),
  foreign key (tenant_id, role_id) references identity_roles (tenant_id, id)
);
create index identity_role_permissions_permission on identity_role_permissions (permission_id);
