create table identity_credentials (
  user_id    text /*bytes*/ not null references identity_users (id),
  kind       text /*bytes*/ not null,
  secret     text /*bytes*/ not null,
  created_at timestamptz,
  updated_at timestamptz,
  primary key (user_id, kind)
);
