create table identity_users (
  id               text /*bytes*/ not null primary key,
  email            text not null,
  email_fold       text /*bytes*/ not null,
  verified         boolean not null,
  name             text not null,
  name_fold        text /*bytes*/ not null,
  picture_url      text not null,
  phone_number     text not null,
  metadata         jsonb,
  vendor_metadata  jsonb,
  external_id      text /*bytes*/ not null,
  provider         text /*bytes*/ not null,
  locked           boolean not null,
  mfa_bypass       boolean not null,
  invisible        boolean not null,
  active_tenant_id text not null,
  last_login       timestamptz,
  created_at       timestamptz not null,
  updated_at       timestamptz
);
create index identity_users_created on identity_users (created_at, id);
create index identity_users_email on identity_users (email_fold, id);
create index identity_users_name on identity_users (name_fold, id);
create index identity_users_external on identity_users (external_id) where external_id <> '';
