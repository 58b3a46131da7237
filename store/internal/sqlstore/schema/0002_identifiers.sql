create table identity_identifiers (
  scope       text /*bytes*/ not null,
  kind        text /*bytes*/ not null,
  value       text /*bytes*/ not null,
  user_id     text /*bytes*/ not null,
  text        text not null,
  is_primary  boolean not null,
  verified_at timestamptz,
  created_at  timestamptz,
  primary key (scope, kind, value)
);
create index identity_identifiers_user on identity_identifiers (user_id);
