create table identity_tenants (
  id              text /*bytes*/ not null primary key,
  name            text not null,
  name_fold       text /*bytes*/ not null,
  alias           text /*bytes*/ not null,
  status          text not null,
  website         text not null,
  application_url text not null,
  logo            text not null,
  logo_url        text not null,
  address         text not null,
  timezone        text not null,
  currency        text not null,
  creator_name    text not null,
  creator_email   text not null,
  reseller        boolean not null,
  parent_id       text /*bytes*/ not null,
  metadata        jsonb,
  created_at      timestamptz not null,
  updated_at      timestamptz,
  deleted_at      timestamptz
);
create index identity_tenants_created on identity_tenants (created_at, id);
create index identity_tenants_name on identity_tenants (name_fold, id);
create index identity_tenants_alias on identity_tenants (alias) where alias <> '';
create index identity_tenants_parent on identity_tenants (parent_id) where parent_id <> '';
