create table identity_connections (
  tenant_id  text /*bytes*/ not null,
  id         text /*bytes*/ not null unique,
  protocol   text not null,
  enabled    boolean not null,
  settings   jsonb,
  secret     bytea,
  role_ids   jsonb,
  due_at     timestamptz,
  created_at timestamptz not null,
  updated_at timestamptz,
  primary key (tenant_id, id)
);
create index identity_connections_due on identity_connections (due_at) where due_at is not null;
create index identity_connections_enabled on identity_connections (id) where enabled;
create table identity_domains (
  tenant_id     text /*bytes*/ not null,
  id            text /*bytes*/ not null,
  connection_id text /*bytes*/ not null,
  name          text /*bytes*/ not null,
  challenge     text not null,
  validated_at  timestamptz,
  proof         text not null,
  created_at    timestamptz not null,
  primary key (tenant_id, id),
  unique (tenant_id, name),
  foreign key (tenant_id, connection_id) references identity_connections (tenant_id, id)
);
create index identity_domains_name on identity_domains (name);
create index identity_domains_proved on identity_domains (name) where validated_at is not null;
create table identity_group_mappings (
  tenant_id     text /*bytes*/ not null,
  id            text /*bytes*/ not null,
  connection_id text /*bytes*/ not null,
  group_name    text /*bytes*/ not null,
  role_ids      jsonb,
  created_at    timestamptz not null,
  updated_at    timestamptz,
  primary key (tenant_id, id),
  unique (tenant_id, connection_id, group_name),
  foreign key (tenant_id, connection_id) references identity_connections (tenant_id, id)
);
create table identity_sso_attempts (
  tenant_id     text /*bytes*/ not null,
  connection_id text /*bytes*/ not null,
  id            text /*bytes*/ not null,
  accepted      boolean not null,
  diagnosis     text not null,
  subject       text not null,
  email         text not null,
  ip            text not null,
  user_agent    text not null,
  attributes    jsonb,
  document      bytea,
  at            timestamptz not null,
  primary key (tenant_id, id),
  foreign key (tenant_id, connection_id) references identity_connections (tenant_id, id)
);
create index identity_sso_attempts_at on identity_sso_attempts (tenant_id, connection_id, at, id);
create index identity_sso_attempts_sweep on identity_sso_attempts (at);
