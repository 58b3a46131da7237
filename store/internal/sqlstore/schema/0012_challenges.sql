create table identity_challenges (
  purpose    text /*bytes*/ not null,
  hash       bytea not null,
  id         text /*bytes*/ not null,
  subject    text /*bytes*/ not null,
  binding    text not null,
  doc        jsonb,
  tries      integer not null,
  created_at timestamptz,
  expires_at timestamptz not null,
  used_at    timestamptz,
  primary key (purpose, hash),
  unique (purpose, id)
);
create index identity_challenges_subject on identity_challenges (subject);
create index identity_challenges_expires on identity_challenges (expires_at);
