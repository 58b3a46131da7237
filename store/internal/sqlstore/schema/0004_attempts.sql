create table identity_attempts (
  subject      text /*bytes*/ not null primary key,
  failures     integer not null,
  started_at   timestamptz not null,
  locked_until timestamptz
);
create index identity_attempts_started on identity_attempts (started_at);
