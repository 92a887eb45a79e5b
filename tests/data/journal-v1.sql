-- A journal of format 1, as its first version wrote it and a power cut left it. Never changed: it must load for ever.
PRAGMA application_id = 1279607110;
PRAGMA user_version = 1;
BEGIN TRANSACTION;
CREATE TABLE event(
  seq INTEGER PRIMARY KEY,
  at INTEGER NOT NULL,
  pipeline TEXT,
  job TEXT,
  path TEXT,
  rev INTEGER,
  kind TEXT NOT NULL,
  body TEXT NOT NULL
) STRICT;
INSERT INTO "event" VALUES(1,1763788211000,'scan',NULL,NULL,NULL,'pipeline.loaded','{"about":"pipeline","pipeline":"scan","what":{"event":"loaded","revision":"ab12","yaml":"watch:\n  folder: inbox\nsteps:\n  - uses: rotate\n"}}');
INSERT INTO "event" VALUES(2,1763788211000,'scan',NULL,NULL,NULL,'pipeline.paused','{"about":"pipeline","pipeline":"scan","what":{"event":"paused","reason":"lunch"}}');
INSERT INTO "event" VALUES(3,1763788211123,'scan','01HF7YAT010000000000000001','/inbox/a.pdf',1,'job.accepted','{"about":"job","job":"01HF7YAT010000000000000001","what":{"event":"accepted","pipeline":"scan","revision":"ab12","path":"/inbox/a.pdf","folder":"/inbox","relative":"a.pdf","held":"/inbox/.dropleaf/claimed/x","identity":{"device":64769,"inode":7,"size":1007,"mtime_ns":1763788211123456789,"ctime_ns":1763788211123456790},"origin":"watch","priority":0,"steps":[{"id":"rotate","uses":"pages/rotate"}]}}');
INSERT INTO "event" VALUES(4,1763788211123,'scan','01HF7YAT010000000000000001','/inbox/a.pdf',2,'job.queued','{"about":"job","job":"01HF7YAT010000000000000001","what":{"event":"queued","blake3":"c0ffee","size":1000}}');
INSERT INTO "event" VALUES(5,1763788211123,'scan','01HF7YAT010000000000000001','/inbox/a.pdf',3,'job.started','{"about":"job","job":"01HF7YAT010000000000000001","what":{"event":"started","attempt":1,"revision":"ab12","worker":4242,"sandbox":"full","plugins":[],"steps":[{"id":"rotate","uses":"pages/rotate"}]}}');
INSERT INTO "event" VALUES(6,1763788211123,'scan','01HF7YAT010000000000000001','/inbox/a.pdf',4,'step.started','{"about":"job","job":"01HF7YAT010000000000000001","what":{"event":"step_started","step":"rotate","index":0,"part":1,"parts":1}}');
INSERT INTO "event" VALUES(7,1763788211124,'scan','01HF7YAT020000000000000002','/inbox/b.pdf',1,'job.accepted','{"about":"job","job":"01HF7YAT020000000000000002","what":{"event":"accepted","pipeline":"scan","revision":"ab12","path":"/inbox/b.pdf","folder":"/inbox","relative":"a.pdf","held":"/inbox/.dropleaf/claimed/x","identity":{"device":64769,"inode":7,"size":1007,"mtime_ns":1763788211123456789,"ctime_ns":1763788211123456790},"origin":"watch","priority":0,"steps":[{"id":"rotate","uses":"pages/rotate"}]}}');
INSERT INTO "event" VALUES(8,1763788211124,'scan','01HF7YAT020000000000000002','/inbox/b.pdf',2,'job.queued','{"about":"job","job":"01HF7YAT020000000000000002","what":{"event":"queued","blake3":"c0ffee","size":1000}}');
INSERT INTO "event" VALUES(9,1763788211125,'scan','01HF7YAT030000000000000003','/inbox/c.pdf',1,'job.accepted','{"about":"job","job":"01HF7YAT030000000000000003","what":{"event":"accepted","pipeline":"scan","revision":"ab12","path":"/inbox/c.pdf","folder":"/inbox","relative":"a.pdf","held":"/inbox/.dropleaf/claimed/x","identity":{"device":64769,"inode":7,"size":1007,"mtime_ns":1763788211123456789,"ctime_ns":1763788211123456790},"origin":"watch","priority":0,"steps":[{"id":"rotate","uses":"pages/rotate"}]}}');
INSERT INTO "event" VALUES(10,1763788211125,'scan','01HF7YAT030000000000000003','/inbox/c.pdf',2,'job.queued','{"about":"job","job":"01HF7YAT030000000000000003","what":{"event":"queued","blake3":"c0ffee","size":1000}}');
INSERT INTO "event" VALUES(11,1763788211125,'scan','01HF7YAT030000000000000003','/inbox/c.pdf',3,'job.started','{"about":"job","job":"01HF7YAT030000000000000003","what":{"event":"started","attempt":1,"revision":"ab12","worker":4242,"sandbox":"full","plugins":[],"steps":[{"id":"rotate","uses":"pages/rotate"}]}}');
INSERT INTO "event" VALUES(12,1763788211125,'scan','01HF7YAT030000000000000003','/inbox/c.pdf',4,'step.started','{"about":"job","job":"01HF7YAT030000000000000003","what":{"event":"step_started","step":"rotate","index":0,"part":1,"parts":1}}');
INSERT INTO "event" VALUES(13,1763788211125,'scan','01HF7YAT030000000000000003','/inbox/c.pdf',5,'job.delivering','{"about":"job","job":"01HF7YAT030000000000000003","what":{"event":"delivering","redo":{"verdict":{"verdict":"succeed"},"moves":[]},"bill":{"parses":0,"saves":0,"pages_in":0,"pages_out":0,"peak_kib":0,"cpu_ms":0}}}');
INSERT INTO "event" VALUES(14,1763788211125,'scan','01HF7YAT030000000000000003','/inbox/c.pdf',6,'job.succeeded','{"about":"job","job":"01HF7YAT030000000000000003","what":{"event":"succeeded","delivered":[]}}');
CREATE TABLE job(
  id TEXT PRIMARY KEY,
  pipeline TEXT NOT NULL,
  state TEXT NOT NULL,
  created INTEGER NOT NULL,
  updated INTEGER NOT NULL,
  finished INTEGER,
  changed INTEGER NOT NULL,
  name TEXT NOT NULL,
  folded TEXT NOT NULL,
  path TEXT NOT NULL,
  priority INTEGER NOT NULL,
  blake3 TEXT,
  body TEXT NOT NULL
) STRICT;
INSERT INTO "job" VALUES('01HF7YAT010000000000000001','scan','running',1763788211123,1763788211123,NULL,6,'a.pdf','a.pdf','/inbox/a.pdf',0,'c0ffee','{"id":"01HF7YAT010000000000000001","rev":4,"accepted":{"pipeline":"scan","revision":"ab12","path":"/inbox/a.pdf","folder":"/inbox","relative":"a.pdf","held":"/inbox/.dropleaf/claimed/x","identity":{"device":64769,"inode":7,"size":1007,"mtime_ns":1763788211123456789,"ctime_ns":1763788211123456790},"origin":"watch","priority":0,"steps":[{"id":"rotate","uses":"pages/rotate"}]},"created":1763788211123,"updated":1763788211123,"state":{"state":"running","since":1763788211123},"blake3":"c0ffee","duplicate_of":null,"attempts":1,"counted":0,"crashes":0,"interruptions":0,"queued_ms":0,"ran_ms":0,"steps":[{"id":"rotate","uses":"pages/rotate","status":"running","started":1763788211123,"ms":0}],"plugins":[],"sandbox":"full","revision":"ab12","warnings":[],"problem":null,"bill":{"parses":0,"saves":0,"pages_in":0,"pages_out":0,"peak_kib":0,"cpu_ms":0},"delivered":[]}');
INSERT INTO "job" VALUES('01HF7YAT020000000000000002','scan','queued',1763788211124,1763788211124,NULL,8,'b.pdf','b.pdf','/inbox/b.pdf',0,'c0ffee','{"id":"01HF7YAT020000000000000002","rev":2,"accepted":{"pipeline":"scan","revision":"ab12","path":"/inbox/b.pdf","folder":"/inbox","relative":"a.pdf","held":"/inbox/.dropleaf/claimed/x","identity":{"device":64769,"inode":7,"size":1007,"mtime_ns":1763788211123456789,"ctime_ns":1763788211123456790},"origin":"watch","priority":0,"steps":[{"id":"rotate","uses":"pages/rotate"}]},"created":1763788211124,"updated":1763788211124,"state":{"state":"queued","since":1763788211124},"blake3":"c0ffee","duplicate_of":null,"attempts":0,"counted":0,"crashes":0,"interruptions":0,"queued_ms":0,"ran_ms":0,"steps":[{"id":"rotate","uses":"pages/rotate","status":"pending","ms":0}],"plugins":[],"sandbox":null,"revision":null,"warnings":[],"problem":null,"bill":{"parses":0,"saves":0,"pages_in":0,"pages_out":0,"peak_kib":0,"cpu_ms":0},"delivered":[]}');
INSERT INTO "job" VALUES('01HF7YAT030000000000000003','scan','succeeded',1763788211125,1763788211125,1763788211125,14,'c.pdf','c.pdf','/inbox/c.pdf',0,'c0ffee','{"id":"01HF7YAT030000000000000003","rev":6,"accepted":{"pipeline":"scan","revision":"ab12","path":"/inbox/c.pdf","folder":"/inbox","relative":"a.pdf","held":"/inbox/.dropleaf/claimed/x","identity":{"device":64769,"inode":7,"size":1007,"mtime_ns":1763788211123456789,"ctime_ns":1763788211123456790},"origin":"watch","priority":0,"steps":[{"id":"rotate","uses":"pages/rotate"}]},"created":1763788211125,"updated":1763788211125,"state":{"state":"succeeded"},"blake3":"c0ffee","duplicate_of":null,"attempts":1,"counted":0,"crashes":0,"interruptions":0,"queued_ms":0,"ran_ms":0,"steps":[{"id":"rotate","uses":"pages/rotate","status":"running","started":1763788211125,"ms":0}],"plugins":[],"sandbox":"full","revision":"ab12","warnings":[],"problem":null,"bill":{"parses":0,"saves":0,"pages_in":0,"pages_out":0,"peak_kib":0,"cpu_ms":0},"delivered":[]}');
CREATE TABLE ledger(
  pipeline TEXT NOT NULL,
  relative TEXT NOT NULL,
  identity TEXT NOT NULL,
  why TEXT NOT NULL,
  PRIMARY KEY(pipeline, relative)
) STRICT, WITHOUT ROWID;
INSERT INTO "ledger" VALUES('scan','old.pdf','{"device":64769,"inode":9,"size":1009,"mtime_ns":1763788211123456789,"ctime_ns":1763788211123456790}','it was there before the pipeline');
CREATE TABLE log(
  job TEXT NOT NULL,
  n INTEGER NOT NULL,
  at INTEGER NOT NULL,
  level TEXT NOT NULL,
  step TEXT,
  message TEXT NOT NULL,
  PRIMARY KEY(job, n)
) STRICT, WITHOUT ROWID;
INSERT INTO "log" VALUES('01HF7YAT010000000000000001',0,1763788211126,'info','rotate','page 1');
CREATE TABLE meta(
  key TEXT PRIMARY KEY,
  value TEXT NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO "meta" VALUES('clean','0');
INSERT INTO "meta" VALUES('epoch','7f3a9c1e');
INSERT INTO "meta" VALUES('floor','0');
CREATE TABLE pipeline(
  id TEXT PRIMARY KEY,
  changed INTEGER NOT NULL,
  updated INTEGER NOT NULL,
  revision TEXT,
  faults TEXT NOT NULL,
  removed INTEGER NOT NULL,
  paused TEXT,
  folder TEXT
) STRICT, WITHOUT ROWID;
INSERT INTO "pipeline" VALUES('scan',2,1763788211000,'ab12','[]',0,'lunch',NULL);
CREATE TABLE revision(
  hash TEXT PRIMARY KEY,
  pipeline TEXT NOT NULL,
  yaml TEXT NOT NULL,
  first INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO "revision" VALUES('ab12','scan','watch:
  folder: inbox
steps:
  - uses: rotate
',1763788211000);
CREATE TABLE tally(
  pipeline TEXT NOT NULL,
  state TEXT NOT NULL,
  jobs INTEGER NOT NULL,
  PRIMARY KEY(pipeline, state)
) STRICT, WITHOUT ROWID;
INSERT INTO "tally" VALUES('scan','queued',1);
INSERT INTO "tally" VALUES('scan','running',1);
INSERT INTO "tally" VALUES('scan','succeeded',1);
CREATE INDEX event_job ON event(job, seq) WHERE job IS NOT NULL;
CREATE INDEX event_pipeline ON event(pipeline, seq) WHERE pipeline IS NOT NULL;
CREATE INDEX event_path ON event(path, seq) WHERE path IS NOT NULL;
CREATE INDEX event_other ON event(at) WHERE job IS NULL;
CREATE INDEX job_changed ON job(changed, pipeline, folded);
CREATE INDEX job_path ON job(path, id);
CREATE INDEX job_content ON job(pipeline, blake3, id) WHERE blake3 IS NOT NULL;
CREATE INDEX job_finished ON job(finished, state) WHERE finished IS NOT NULL;
CREATE INDEX job_claiming ON job(changed, pipeline, folded) WHERE state = 'claiming';
CREATE INDEX job_queued ON job(changed, pipeline, folded) WHERE state = 'queued';
CREATE INDEX job_running ON job(changed, pipeline, folded) WHERE state = 'running';
CREATE INDEX job_waiting ON job(changed, pipeline, folded) WHERE state = 'waiting';
CREATE INDEX job_delivering ON job(changed, pipeline, folded) WHERE state = 'delivering';
CREATE INDEX job_succeeded ON job(changed, pipeline, folded) WHERE state = 'succeeded';
CREATE INDEX job_failed ON job(changed, pipeline, folded) WHERE state = 'failed';
CREATE INDEX job_cancelled ON job(changed, pipeline, folded) WHERE state = 'cancelled';
COMMIT;
