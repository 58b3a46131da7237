create table identity_messages (
  id         text /*bytes*/ not null primary key,
  kind       text not null,
  recipient  text not null,
  subject    text not null,
  body_text  text not null,
  body_html  text not null,
  attempts   integer not null,
  created_at timestamptz,
  next_at    timestamptz not null,
  sent_at    timestamptz,
  dead_at    timestamptz
);
create index identity_messages_due on identity_messages (next_at, id) where sent_at is null and dead_at is null;
create index identity_messages_sent on identity_messages (sent_at) where sent_at is not null;
create index identity_messages_dead on identity_messages (dead_at) where dead_at is not null;
