-- user_created_at never changes: it is here so that a tenant's users page in order from one index.
create table identity_memberships (
  tenant_id       text /*bytes*/ not null,
  user_id         text /*bytes*/ not null,
  user_created_at timestamptz not null,
  activated       boolean not null,
  disabled        boolean not null,
  created_at      timestamptz not null,
  updated_at      timestamptz,
  primary key (tenant_id, user_id)
);
create index identity_memberships_user on identity_memberships (user_id);
create index identity_memberships_page on identity_memberships (tenant_id, user_created_at, user_id);
