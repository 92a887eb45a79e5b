-- A journal as its version wrote it and a kill left it. Never changed: it must load for ever.
PRAGMA application_id = 1279607110;
PRAGMA user_version = 1;
BEGIN;
CREATE TABLE meta(
  key TEXT PRIMARY KEY,
  value TEXT NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO meta VALUES('clean','0');
INSERT INTO meta VALUES('epoch','94ba235d');
INSERT INTO meta VALUES('floor','0');
INSERT INTO meta VALUES('webhooks','0');
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
INSERT INTO event VALUES(1,1795752986849,NULL,NULL,NULL,NULL,'daemon.started','{"about":"daemon","event":"started","version":"0.1.0"}');
INSERT INTO event VALUES(2,1795752987008,NULL,NULL,NULL,NULL,'plugin.loaded','{"about":"plugin","event":"loaded","name":"extract-text","version":"0.1.0","blake3":"9c626613110e3baaf3906ee6a4917c1202963cafb7d165fda4d4b5dcefda695b"}');
INSERT INTO event VALUES(3,1795752986998,'plain',NULL,NULL,NULL,'pipeline.loaded','{"about":"pipeline","pipeline":"plain","what":{"event":"loaded","revision":"b01c83f780f6073a","yaml":"watch: { folder: inbox/plain, quiet: 0s }\nsteps: [{ uses: reverse }]\n"}}');
INSERT INTO event VALUES(4,1795752986998,'slow',NULL,NULL,NULL,'pipeline.loaded','{"about":"pipeline","pipeline":"slow","what":{"event":"loaded","revision":"53b3d06bf861cbdf","yaml":"watch: { folder: inbox/slow, quiet: 0s }\nsteps: [{ uses: misbehave, with: { mode: sleep } }]\n"}}');
INSERT INTO event VALUES(5,1795752986998,'stuck',NULL,NULL,NULL,'pipeline.loaded','{"about":"pipeline","pipeline":"stuck","what":{"event":"loaded","revision":"cc92ea381f4c2c63","yaml":"watch: { folder: inbox/stuck, quiet: 0s }\nsteps: [{ uses: reverse }]\n"}}');
INSERT INTO event VALUES(6,1795752987092,NULL,NULL,NULL,NULL,'plugin.loaded','{"about":"plugin","event":"loaded","name":"faulty","version":"0.1.0","blake3":"676ae47a74d908fd6e059e7f878e8b8b88e747f9768f6adef2a26333f10a7132"}');
INSERT INTO event VALUES(7,1795752987093,'slow',NULL,NULL,NULL,'watch.online','{"about":"watch","pipeline":"slow","what":{"event":"online","folder":"@HOME@/inbox/slow","mode":"events","reason":"ext4 is a local file system and reports its changes; besides, it is scanned every 60 s"}}');
INSERT INTO event VALUES(8,1795752987093,'stuck',NULL,NULL,NULL,'watch.online','{"about":"watch","pipeline":"stuck","what":{"event":"online","folder":"@HOME@/inbox/stuck","mode":"events","reason":"ext4 is a local file system and reports its changes; besides, it is scanned every 60 s"}}');
INSERT INTO event VALUES(9,1795752987172,NULL,NULL,NULL,NULL,'plugin.loaded','{"about":"plugin","event":"loaded","name":"merge","version":"0.1.0","blake3":"1b55c7897c5bd1b615fa7bbec58f752631fb584400350c160f3c47c75317e917"}');
INSERT INTO event VALUES(10,1795752987179,NULL,NULL,NULL,NULL,'plugin.loaded','{"about":"plugin","event":"loaded","name":"metadata","version":"0.1.0","blake3":"b9d43a38e4d04169af86819badd93418b9a29121777a5ad628bd270074579009"}');
INSERT INTO event VALUES(11,1795752987179,'plain',NULL,NULL,NULL,'watch.online','{"about":"watch","pipeline":"plain","what":{"event":"online","folder":"@HOME@/inbox/plain","mode":"events","reason":"ext4 is a local file system and reports its changes; besides, it is scanned every 60 s"}}');
INSERT INTO event VALUES(12,1795752987179,'plain','01M8DKG2HBN5ZDCFMJH1D399N8','@HOME@/inbox/plain/done.pdf',1,'job.accepted','{"about":"job","job":"01M8DKG2HBN5ZDCFMJH1D399N8","what":{"event":"accepted","pipeline":"plain","revision":"b01c83f780f6073a","path":"@HOME@/inbox/plain/done.pdf","folder":"@HOME@/inbox/plain","relative":"done.pdf","held":"@HOME@/inbox/plain/.dropleaf/claimed/01M8DKG2HBN5ZDCFMJH1D399N8","identity":{"device":65024,"inode":10093173,"size":870,"mtime_ns":1795752987140418852,"ctime_ns":1795752987140418852},"origin":"watch","priority":0,"steps":[{"id":"reverse","uses":"pages/reverse"}]}}');
INSERT INTO event VALUES(13,1795752987184,NULL,NULL,NULL,NULL,'plugin.loaded','{"about":"plugin","event":"loaded","name":"optimize","version":"0.1.0","blake3":"174451d8b313a55befd36e818516784323c816fc570f98b29d5011f2694c2d63"}');
INSERT INTO event VALUES(14,1795752987195,NULL,NULL,NULL,NULL,'plugin.loaded','{"about":"plugin","event":"loaded","name":"pages","version":"0.1.0","blake3":"d8f8a871db59d428abfcbe5e1b2c09f9df30c79996fc5bf51ae1bfce1a855ca1"}');
INSERT INTO event VALUES(15,1795752987213,'plain','01M8DKG2HBN5ZDCFMJH1D399N8','@HOME@/inbox/plain/done.pdf',2,'job.queued','{"about":"job","job":"01M8DKG2HBN5ZDCFMJH1D399N8","what":{"event":"queued","blake3":"6fffcf467933b3315d790f9dd6780dadb984c392ac80dc13913a7c0b9fd0beec","size":870}}');
INSERT INTO event VALUES(16,1795752987214,NULL,NULL,NULL,NULL,'plugin.loaded','{"about":"plugin","event":"loaded","name":"repair","version":"0.1.0","blake3":"7638cd62c097a5b5fce4bb82b51a9f772fc1cd94f1f9530b36cff4c8181fabec"}');
INSERT INTO event VALUES(17,1795752987220,'plain','01M8DKG2HBN5ZDCFMJH1D399N8','@HOME@/inbox/plain/done.pdf',3,'job.started','{"about":"job","job":"01M8DKG2HBN5ZDCFMJH1D399N8","what":{"event":"started","attempt":1,"revision":"b01c83f780f6073a","worker":10279,"sandbox":"full","plugins":[{"name":"pages","version":"0.1.0","blake3":"d8f8a871db59d428abfcbe5e1b2c09f9df30c79996fc5bf51ae1bfce1a855ca1"}],"steps":[{"id":"reverse","uses":"pages/reverse"}]}}');
INSERT INTO event VALUES(18,1795752987220,'plain','01M8DKG2HBN5ZDCFMJH1D399N8','@HOME@/inbox/plain/done.pdf',4,'step.started','{"about":"job","job":"01M8DKG2HBN5ZDCFMJH1D399N8","what":{"event":"step_started","step":"reverse","index":0,"part":1,"parts":1}}');
INSERT INTO event VALUES(19,1795752987220,'plain','01M8DKG2HBN5ZDCFMJH1D399N8','@HOME@/inbox/plain/done.pdf',5,'step.finished','{"about":"job","job":"01M8DKG2HBN5ZDCFMJH1D399N8","what":{"event":"step_finished","step":"reverse","index":0,"part":1,"parts":1,"ms":1,"documents":1}}');
INSERT INTO event VALUES(20,1795752987241,'plain','01M8DKG2HBN5ZDCFMJH1D399N8','@HOME@/inbox/plain/done.pdf',6,'job.delivering','{"about":"job","job":"01M8DKG2HBN5ZDCFMJH1D399N8","what":{"event":"delivering","redo":{"verdict":{"verdict":"succeed"},"moves":[{"kind":"document","from":"@HOME@/outbox/plain/.dropleaf/staged/01M8DKG2HBN5ZDCFMJH1D399N8-0","to":"@HOME@/outbox/plain/done.pdf","size":825,"blake3":"d9b60fa780be3e6d93753ec5c8b5d790259339b28220fa99f2c5adf85b16d4d1","collision":"number","mime":"application/pdf","pages":2},{"kind":"original","from":"@HOME@/inbox/plain/.dropleaf/claimed/01M8DKG2HBN5ZDCFMJH1D399N8","to":"@HOME@/archive/plain/done.pdf","size":870,"blake3":"6fffcf467933b3315d790f9dd6780dadb984c392ac80dc13913a7c0b9fd0beec","collision":"number","mime":"application/pdf"}]},"bill":{"parses":1,"saves":1,"pages_in":2,"pages_out":2,"peak_kib":28288,"cpu_ms":4}}}');
INSERT INTO event VALUES(21,1795752987286,NULL,NULL,NULL,NULL,'plugin.loaded','{"about":"plugin","event":"loaded","name":"split","version":"0.1.0","blake3":"3960a533baa5dbc82d8ce67f8c5b477320a3cbfef9e8eb0da5fbeb9fc28d3f93"}');
INSERT INTO event VALUES(22,1795752987288,NULL,NULL,NULL,NULL,'plugin.loaded','{"about":"plugin","event":"loaded","name":"stamp","version":"0.1.0","blake3":"433e54f252c71225eb87a0f0b958b30078531581d48424038f25602965b6ac65"}');
INSERT INTO event VALUES(23,1795752987288,'plain','01M8DKG2HBN5ZDCFMJH1D399N8','@HOME@/inbox/plain/done.pdf',7,'artifact.written','{"about":"job","job":"01M8DKG2HBN5ZDCFMJH1D399N8","what":{"event":"artifact_written","kind":"document","path":"@HOME@/outbox/plain/done.pdf","size":825,"blake3":"d9b60fa780be3e6d93753ec5c8b5d790259339b28220fa99f2c5adf85b16d4d1","mime":"application/pdf","pages":2}}');
INSERT INTO event VALUES(24,1795752987288,'plain','01M8DKG2HBN5ZDCFMJH1D399N8','@HOME@/inbox/plain/done.pdf',8,'artifact.written','{"about":"job","job":"01M8DKG2HBN5ZDCFMJH1D399N8","what":{"event":"artifact_written","kind":"original","path":"@HOME@/archive/plain/done.pdf","size":870,"blake3":"6fffcf467933b3315d790f9dd6780dadb984c392ac80dc13913a7c0b9fd0beec","mime":"application/pdf"}}');
INSERT INTO event VALUES(25,1795752987288,'plain','01M8DKG2HBN5ZDCFMJH1D399N8','@HOME@/inbox/plain/done.pdf',9,'job.succeeded','{"about":"job","job":"01M8DKG2HBN5ZDCFMJH1D399N8","what":{"event":"succeeded","delivered":[{"kind":"document","path":"@HOME@/outbox/plain/done.pdf","size":825,"blake3":"d9b60fa780be3e6d93753ec5c8b5d790259339b28220fa99f2c5adf85b16d4d1","mime":"application/pdf","pages":2},{"kind":"original","path":"@HOME@/archive/plain/done.pdf","size":870,"blake3":"6fffcf467933b3315d790f9dd6780dadb984c392ac80dc13913a7c0b9fd0beec","mime":"application/pdf"}]}}');
INSERT INTO event VALUES(26,1795752987305,'plain',NULL,'@HOME@/inbox/plain/bad.pdf',NULL,'file.settling','{"about":"file","pipeline":"plain","path":"@HOME@/inbox/plain/bad.pdf","what":{"event":"settling","reason":"it does not begin like a PDF (`%PDF-` is missing)"}}');
INSERT INTO event VALUES(27,1795752988308,'plain','01M8DKG3MMAJJSEEPVNCD7EYG7','@HOME@/inbox/plain/bad.pdf',1,'job.accepted','{"about":"job","job":"01M8DKG3MMAJJSEEPVNCD7EYG7","what":{"event":"accepted","pipeline":"plain","revision":"b01c83f780f6073a","path":"@HOME@/inbox/plain/bad.pdf","folder":"@HOME@/inbox/plain","relative":"bad.pdf","held":"@HOME@/inbox/plain/.dropleaf/claimed/01M8DKG3MMAJJSEEPVNCD7EYG7","identity":{"device":65024,"inode":10093101,"size":15,"mtime_ns":1795752987300418860,"ctime_ns":1795752987300418860},"origin":"watch","priority":0,"steps":[{"id":"reverse","uses":"pages/reverse"}]}}');
INSERT INTO event VALUES(28,1795752988385,'plain','01M8DKG3MMAJJSEEPVNCD7EYG7','@HOME@/inbox/plain/bad.pdf',2,'job.queued','{"about":"job","job":"01M8DKG3MMAJJSEEPVNCD7EYG7","what":{"event":"queued","blake3":"3a9939546fc683a419d553c64032129e3e6f2a7d3c745a4f840a27507d600e57","size":15}}');
INSERT INTO event VALUES(29,1795752988397,'plain','01M8DKG3MMAJJSEEPVNCD7EYG7','@HOME@/inbox/plain/bad.pdf',3,'job.started','{"about":"job","job":"01M8DKG3MMAJJSEEPVNCD7EYG7","what":{"event":"started","attempt":1,"revision":"b01c83f780f6073a","worker":10281,"sandbox":"full","plugins":[{"name":"pages","version":"0.1.0","blake3":"d8f8a871db59d428abfcbe5e1b2c09f9df30c79996fc5bf51ae1bfce1a855ca1"}],"steps":[{"id":"reverse","uses":"pages/reverse"}]}}');
INSERT INTO event VALUES(30,1795752988465,'plain','01M8DKG3MMAJJSEEPVNCD7EYG7','@HOME@/inbox/plain/bad.pdf',4,'job.delivering','{"about":"job","job":"01M8DKG3MMAJJSEEPVNCD7EYG7","what":{"event":"delivering","redo":{"verdict":{"verdict":"fail","problem":{"code":"not-a-pdf","detail":"not a PDF: no `%PDF-` in its first 1024 bytes","hint":"look at what it really is, make a PDF of it and drop that"}},"moves":[{"kind":"note","from":"@HOME@/failed/plain/.dropleaf/staged/01M8DKG3MMAJJSEEPVNCD7EYG7-33554432","to":"@HOME@/failed/plain/bad.pdf.error.txt","size":405,"blake3":"80f624de9c8d4ebfad97c98a218518ac5ae0c24f9b5c78b15fffdb9445d0cd13","collision":"number","mime":"text/plain; charset=utf-8"},{"kind":"note","from":"@HOME@/failed/plain/.dropleaf/staged/01M8DKG3MMAJJSEEPVNCD7EYG7-33554433","to":"@HOME@/failed/plain/bad.pdf.error.json","size":988,"blake3":"c4dc2f7202ffbcd493a581f1842b43acdff10998974253e0151da2e07293fbaa","collision":"number","mime":"application/json"},{"kind":"original","from":"@HOME@/inbox/plain/.dropleaf/claimed/01M8DKG3MMAJJSEEPVNCD7EYG7","to":"@HOME@/failed/plain/bad.pdf","size":15,"blake3":"3a9939546fc683a419d553c64032129e3e6f2a7d3c745a4f840a27507d600e57","collision":"number","mime":"application/pdf"}]},"bill":{"parses":0,"saves":0,"pages_in":0,"pages_out":0,"peak_kib":0,"cpu_ms":0}}}');
INSERT INTO event VALUES(31,1795752988567,'plain','01M8DKG3MMAJJSEEPVNCD7EYG7','@HOME@/inbox/plain/bad.pdf',5,'artifact.written','{"about":"job","job":"01M8DKG3MMAJJSEEPVNCD7EYG7","what":{"event":"artifact_written","kind":"note","path":"@HOME@/failed/plain/bad.pdf.error.txt","size":405,"blake3":"80f624de9c8d4ebfad97c98a218518ac5ae0c24f9b5c78b15fffdb9445d0cd13","mime":"text/plain; charset=utf-8"}}');
INSERT INTO event VALUES(32,1795752988567,'plain','01M8DKG3MMAJJSEEPVNCD7EYG7','@HOME@/inbox/plain/bad.pdf',6,'artifact.written','{"about":"job","job":"01M8DKG3MMAJJSEEPVNCD7EYG7","what":{"event":"artifact_written","kind":"note","path":"@HOME@/failed/plain/bad.pdf.error.json","size":988,"blake3":"c4dc2f7202ffbcd493a581f1842b43acdff10998974253e0151da2e07293fbaa","mime":"application/json"}}');
INSERT INTO event VALUES(33,1795752988567,'plain','01M8DKG3MMAJJSEEPVNCD7EYG7','@HOME@/inbox/plain/bad.pdf',7,'artifact.written','{"about":"job","job":"01M8DKG3MMAJJSEEPVNCD7EYG7","what":{"event":"artifact_written","kind":"original","path":"@HOME@/failed/plain/bad.pdf","size":15,"blake3":"3a9939546fc683a419d553c64032129e3e6f2a7d3c745a4f840a27507d600e57","mime":"application/pdf"}}');
INSERT INTO event VALUES(34,1795752988567,'plain','01M8DKG3MMAJJSEEPVNCD7EYG7','@HOME@/inbox/plain/bad.pdf',8,'job.failed','{"about":"job","job":"01M8DKG3MMAJJSEEPVNCD7EYG7","what":{"event":"failed","delivered":[{"kind":"note","path":"@HOME@/failed/plain/bad.pdf.error.txt","size":405,"blake3":"80f624de9c8d4ebfad97c98a218518ac5ae0c24f9b5c78b15fffdb9445d0cd13","mime":"text/plain; charset=utf-8"},{"kind":"note","path":"@HOME@/failed/plain/bad.pdf.error.json","size":988,"blake3":"c4dc2f7202ffbcd493a581f1842b43acdff10998974253e0151da2e07293fbaa","mime":"application/json"},{"kind":"original","path":"@HOME@/failed/plain/bad.pdf","size":15,"blake3":"3a9939546fc683a419d553c64032129e3e6f2a7d3c745a4f840a27507d600e57","mime":"application/pdf"}],"problem":{"code":"not-a-pdf","detail":"not a PDF: no `%PDF-` in its first 1024 bytes","hint":"look at what it really is, make a PDF of it and drop that"}}}');
INSERT INTO event VALUES(35,1795752988624,'slow','01M8DKG3YGJ0MJY3N92B1B0C5G','@HOME@/inbox/slow/running.pdf',1,'job.accepted','{"about":"job","job":"01M8DKG3YGJ0MJY3N92B1B0C5G","what":{"event":"accepted","pipeline":"slow","revision":"53b3d06bf861cbdf","path":"@HOME@/inbox/slow/running.pdf","folder":"@HOME@/inbox/slow","relative":"running.pdf","held":"@HOME@/inbox/slow/.dropleaf/claimed/01M8DKG3YGJ0MJY3N92B1B0C5G","identity":{"device":65024,"inode":10093102,"size":694,"mtime_ns":1795752988600418920,"ctime_ns":1795752988600418920},"origin":"watch","priority":0,"steps":[{"id":"misbehave","uses":"faulty/misbehave"}]}}');
INSERT INTO event VALUES(36,1795752988753,'slow','01M8DKG3YGJ0MJY3N92B1B0C5G','@HOME@/inbox/slow/running.pdf',2,'job.queued','{"about":"job","job":"01M8DKG3YGJ0MJY3N92B1B0C5G","what":{"event":"queued","blake3":"37c99c8ea374e00a87aa2ab9de7f36934182907781a6d1030d42fa662f9d930f","size":694}}');
INSERT INTO event VALUES(37,1795752988756,'slow','01M8DKG3YGJ0MJY3N92B1B0C5G','@HOME@/inbox/slow/running.pdf',3,'job.started','{"about":"job","job":"01M8DKG3YGJ0MJY3N92B1B0C5G","what":{"event":"started","attempt":1,"revision":"53b3d06bf861cbdf","worker":10315,"sandbox":"full","plugins":[{"name":"faulty","version":"0.1.0","blake3":"676ae47a74d908fd6e059e7f878e8b8b88e747f9768f6adef2a26333f10a7132"}],"steps":[{"id":"misbehave","uses":"faulty/misbehave"}]}}');
INSERT INTO event VALUES(38,1795752988778,'slow','01M8DKG3YGJ0MJY3N92B1B0C5G','@HOME@/inbox/slow/running.pdf',4,'step.started','{"about":"job","job":"01M8DKG3YGJ0MJY3N92B1B0C5G","what":{"event":"step_started","step":"misbehave","index":0,"part":1,"parts":1}}');
INSERT INTO event VALUES(39,1795752988809,'stuck','01M8DKG449N6DE2H5ETKMK0CNJ','@HOME@/inbox/stuck/delivering.pdf',1,'job.accepted','{"about":"job","job":"01M8DKG449N6DE2H5ETKMK0CNJ","what":{"event":"accepted","pipeline":"stuck","revision":"cc92ea381f4c2c63","path":"@HOME@/inbox/stuck/delivering.pdf","folder":"@HOME@/inbox/stuck","relative":"delivering.pdf","held":"@HOME@/inbox/stuck/.dropleaf/claimed/01M8DKG449N6DE2H5ETKMK0CNJ","identity":{"device":65024,"inode":10093156,"size":1049,"mtime_ns":1795752988804418929,"ctime_ns":1795752988804418929},"origin":"watch","priority":0,"steps":[{"id":"reverse","uses":"pages/reverse"}]}}');
INSERT INTO event VALUES(40,1795752988814,'stuck','01M8DKG449N6DE2H5ETKMK0CNJ','@HOME@/inbox/stuck/delivering.pdf',2,'job.queued','{"about":"job","job":"01M8DKG449N6DE2H5ETKMK0CNJ","what":{"event":"queued","blake3":"ca87bd5d267559962037a63da80aba015d854b7ef6a659e4602c941c0c8249e7","size":1049}}');
INSERT INTO event VALUES(41,1795752988818,'stuck','01M8DKG449N6DE2H5ETKMK0CNJ','@HOME@/inbox/stuck/delivering.pdf',3,'job.started','{"about":"job","job":"01M8DKG449N6DE2H5ETKMK0CNJ","what":{"event":"started","attempt":1,"revision":"cc92ea381f4c2c63","worker":10381,"sandbox":"full","plugins":[{"name":"pages","version":"0.1.0","blake3":"d8f8a871db59d428abfcbe5e1b2c09f9df30c79996fc5bf51ae1bfce1a855ca1"}],"steps":[{"id":"reverse","uses":"pages/reverse"}]}}');
INSERT INTO event VALUES(42,1795752988820,'stuck','01M8DKG449N6DE2H5ETKMK0CNJ','@HOME@/inbox/stuck/delivering.pdf',4,'step.started','{"about":"job","job":"01M8DKG449N6DE2H5ETKMK0CNJ","what":{"event":"step_started","step":"reverse","index":0,"part":1,"parts":1}}');
INSERT INTO event VALUES(43,1795752988823,'stuck','01M8DKG449N6DE2H5ETKMK0CNJ','@HOME@/inbox/stuck/delivering.pdf',5,'step.finished','{"about":"job","job":"01M8DKG449N6DE2H5ETKMK0CNJ","what":{"event":"step_finished","step":"reverse","index":0,"part":1,"parts":1,"ms":2,"documents":1}}');
INSERT INTO event VALUES(44,1795752988827,'stuck','01M8DKG449N6DE2H5ETKMK0CNJ','@HOME@/inbox/stuck/delivering.pdf',6,'job.delivering','{"about":"job","job":"01M8DKG449N6DE2H5ETKMK0CNJ","what":{"event":"delivering","redo":{"verdict":{"verdict":"succeed"},"moves":[{"kind":"document","from":"@HOME@/outbox/stuck/.dropleaf/staged/01M8DKG449N6DE2H5ETKMK0CNJ-0","to":"@HOME@/outbox/stuck/delivering.pdf","size":940,"blake3":"79c214d2c3751fb83f579ac7b8d3509e7e5f8b4f1e9e27504822e42bb132c4a4","collision":"number","mime":"application/pdf","pages":3},{"kind":"original","from":"@HOME@/inbox/stuck/.dropleaf/claimed/01M8DKG449N6DE2H5ETKMK0CNJ","to":"@HOME@/archive/stuck/delivering.pdf","size":1049,"blake3":"ca87bd5d267559962037a63da80aba015d854b7ef6a659e4602c941c0c8249e7","collision":"number","mime":"application/pdf"}]},"bill":{"parses":1,"saves":1,"pages_in":3,"pages_out":3,"peak_kib":28288,"cpu_ms":3}}}');
INSERT INTO event VALUES(45,1795752988836,'stuck','01M8DKG449N6DE2H5ETKMK0CNJ','@HOME@/inbox/stuck/delivering.pdf',7,'job.warned','{"about":"job","job":"01M8DKG449N6DE2H5ETKMK0CNJ","what":{"event":"warned","code":"folder-blocked","message":"a delivery failed: failed to create folder `@HOME@/archive/stuck`: File exists (os error 17); trying again every 10 s"}}');
INSERT INTO event VALUES(46,1795752988857,'plain',NULL,NULL,NULL,'pipeline.paused','{"about":"pipeline","pipeline":"plain","what":{"event":"paused","reason":"lunch"}}');
INSERT INTO event VALUES(47,1795752988859,'plain','01M8DKG45VBBWM5RC5YNMXJZH8','@HOME@/inbox/plain/queued.pdf',1,'job.accepted','{"about":"job","job":"01M8DKG45VBBWM5RC5YNMXJZH8","what":{"event":"accepted","pipeline":"plain","revision":"b01c83f780f6073a","path":"@HOME@/inbox/plain/queued.pdf","folder":"@HOME@/inbox/plain","relative":"queued.pdf","held":"@HOME@/inbox/plain/.dropleaf/claimed/01M8DKG45VBBWM5RC5YNMXJZH8","identity":{"device":65024,"inode":10093582,"size":694,"mtime_ns":1795752988852418931,"ctime_ns":1795752988852418931},"origin":"watch","priority":0,"steps":[{"id":"reverse","uses":"pages/reverse"}]}}');
INSERT INTO event VALUES(48,1795752988897,'plain','01M8DKG45VBBWM5RC5YNMXJZH8','@HOME@/inbox/plain/queued.pdf',2,'job.queued','{"about":"job","job":"01M8DKG45VBBWM5RC5YNMXJZH8","what":{"event":"queued","blake3":"37c99c8ea374e00a87aa2ab9de7f36934182907781a6d1030d42fa662f9d930f","size":694}}');
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
INSERT INTO job VALUES('01M8DKG2HBN5ZDCFMJH1D399N8','plain','succeeded',1795752987179,1795752987288,1795752987288,25,'done.pdf','done.pdf','@HOME@/inbox/plain/done.pdf',0,'6fffcf467933b3315d790f9dd6780dadb984c392ac80dc13913a7c0b9fd0beec','{"id":"01M8DKG2HBN5ZDCFMJH1D399N8","rev":9,"accepted":{"pipeline":"plain","revision":"b01c83f780f6073a","path":"@HOME@/inbox/plain/done.pdf","folder":"@HOME@/inbox/plain","relative":"done.pdf","held":"@HOME@/inbox/plain/.dropleaf/claimed/01M8DKG2HBN5ZDCFMJH1D399N8","identity":{"device":65024,"inode":10093173,"size":870,"mtime_ns":1795752987140418852,"ctime_ns":1795752987140418852},"origin":"watch","priority":0,"steps":[{"id":"reverse","uses":"pages/reverse"}]},"created":1795752987179,"updated":1795752987288,"state":{"state":"succeeded"},"blake3":"6fffcf467933b3315d790f9dd6780dadb984c392ac80dc13913a7c0b9fd0beec","duplicate_of":null,"attempts":1,"counted":0,"crashes":0,"interruptions":0,"queued_ms":7,"ran_ms":21,"steps":[{"id":"reverse","uses":"pages/reverse","status":"finished","started":1795752987220,"ms":1}],"plugins":[{"name":"pages","version":"0.1.0","blake3":"d8f8a871db59d428abfcbe5e1b2c09f9df30c79996fc5bf51ae1bfce1a855ca1"}],"sandbox":"full","revision":"b01c83f780f6073a","warnings":[],"problem":null,"bill":{"parses":1,"saves":1,"pages_in":2,"pages_out":2,"peak_kib":28288,"cpu_ms":4},"delivered":[{"kind":"document","path":"@HOME@/outbox/plain/done.pdf","size":825,"blake3":"d9b60fa780be3e6d93753ec5c8b5d790259339b28220fa99f2c5adf85b16d4d1","mime":"application/pdf","pages":2},{"kind":"original","path":"@HOME@/archive/plain/done.pdf","size":870,"blake3":"6fffcf467933b3315d790f9dd6780dadb984c392ac80dc13913a7c0b9fd0beec","mime":"application/pdf"}]}');
INSERT INTO job VALUES('01M8DKG3MMAJJSEEPVNCD7EYG7','plain','failed',1795752988308,1795752988567,1795752988567,34,'bad.pdf','bad.pdf','@HOME@/inbox/plain/bad.pdf',0,'3a9939546fc683a419d553c64032129e3e6f2a7d3c745a4f840a27507d600e57','{"id":"01M8DKG3MMAJJSEEPVNCD7EYG7","rev":8,"accepted":{"pipeline":"plain","revision":"b01c83f780f6073a","path":"@HOME@/inbox/plain/bad.pdf","folder":"@HOME@/inbox/plain","relative":"bad.pdf","held":"@HOME@/inbox/plain/.dropleaf/claimed/01M8DKG3MMAJJSEEPVNCD7EYG7","identity":{"device":65024,"inode":10093101,"size":15,"mtime_ns":1795752987300418860,"ctime_ns":1795752987300418860},"origin":"watch","priority":0,"steps":[{"id":"reverse","uses":"pages/reverse"}]},"created":1795752988308,"updated":1795752988567,"state":{"state":"failed"},"blake3":"3a9939546fc683a419d553c64032129e3e6f2a7d3c745a4f840a27507d600e57","duplicate_of":null,"attempts":1,"counted":0,"crashes":0,"interruptions":0,"queued_ms":12,"ran_ms":68,"steps":[{"id":"reverse","uses":"pages/reverse","status":"pending","ms":0}],"plugins":[{"name":"pages","version":"0.1.0","blake3":"d8f8a871db59d428abfcbe5e1b2c09f9df30c79996fc5bf51ae1bfce1a855ca1"}],"sandbox":"full","revision":"b01c83f780f6073a","warnings":[],"problem":{"code":"not-a-pdf","detail":"not a PDF: no `%PDF-` in its first 1024 bytes","hint":"look at what it really is, make a PDF of it and drop that"},"bill":{"parses":0,"saves":0,"pages_in":0,"pages_out":0,"peak_kib":0,"cpu_ms":0},"delivered":[{"kind":"note","path":"@HOME@/failed/plain/bad.pdf.error.txt","size":405,"blake3":"80f624de9c8d4ebfad97c98a218518ac5ae0c24f9b5c78b15fffdb9445d0cd13","mime":"text/plain; charset=utf-8"},{"kind":"note","path":"@HOME@/failed/plain/bad.pdf.error.json","size":988,"blake3":"c4dc2f7202ffbcd493a581f1842b43acdff10998974253e0151da2e07293fbaa","mime":"application/json"},{"kind":"original","path":"@HOME@/failed/plain/bad.pdf","size":15,"blake3":"3a9939546fc683a419d553c64032129e3e6f2a7d3c745a4f840a27507d600e57","mime":"application/pdf"}]}');
INSERT INTO job VALUES('01M8DKG3YGJ0MJY3N92B1B0C5G','slow','running',1795752988624,1795752988778,NULL,38,'running.pdf','running.pdf','@HOME@/inbox/slow/running.pdf',0,'37c99c8ea374e00a87aa2ab9de7f36934182907781a6d1030d42fa662f9d930f','{"id":"01M8DKG3YGJ0MJY3N92B1B0C5G","rev":4,"accepted":{"pipeline":"slow","revision":"53b3d06bf861cbdf","path":"@HOME@/inbox/slow/running.pdf","folder":"@HOME@/inbox/slow","relative":"running.pdf","held":"@HOME@/inbox/slow/.dropleaf/claimed/01M8DKG3YGJ0MJY3N92B1B0C5G","identity":{"device":65024,"inode":10093102,"size":694,"mtime_ns":1795752988600418920,"ctime_ns":1795752988600418920},"origin":"watch","priority":0,"steps":[{"id":"misbehave","uses":"faulty/misbehave"}]},"created":1795752988624,"updated":1795752988778,"state":{"state":"running","since":1795752988756},"blake3":"37c99c8ea374e00a87aa2ab9de7f36934182907781a6d1030d42fa662f9d930f","duplicate_of":null,"attempts":1,"counted":0,"crashes":0,"interruptions":0,"queued_ms":3,"ran_ms":0,"steps":[{"id":"misbehave","uses":"faulty/misbehave","status":"running","started":1795752988778,"ms":0}],"plugins":[{"name":"faulty","version":"0.1.0","blake3":"676ae47a74d908fd6e059e7f878e8b8b88e747f9768f6adef2a26333f10a7132"}],"sandbox":"full","revision":"53b3d06bf861cbdf","warnings":[],"problem":null,"bill":{"parses":0,"saves":0,"pages_in":0,"pages_out":0,"peak_kib":0,"cpu_ms":0},"delivered":[]}');
INSERT INTO job VALUES('01M8DKG449N6DE2H5ETKMK0CNJ','stuck','delivering',1795752988809,1795752988836,NULL,45,'delivering.pdf','delivering.pdf','@HOME@/inbox/stuck/delivering.pdf',0,'ca87bd5d267559962037a63da80aba015d854b7ef6a659e4602c941c0c8249e7','{"id":"01M8DKG449N6DE2H5ETKMK0CNJ","rev":7,"accepted":{"pipeline":"stuck","revision":"cc92ea381f4c2c63","path":"@HOME@/inbox/stuck/delivering.pdf","folder":"@HOME@/inbox/stuck","relative":"delivering.pdf","held":"@HOME@/inbox/stuck/.dropleaf/claimed/01M8DKG449N6DE2H5ETKMK0CNJ","identity":{"device":65024,"inode":10093156,"size":1049,"mtime_ns":1795752988804418929,"ctime_ns":1795752988804418929},"origin":"watch","priority":0,"steps":[{"id":"reverse","uses":"pages/reverse"}]},"created":1795752988809,"updated":1795752988836,"state":{"state":"delivering","redo":{"verdict":{"verdict":"succeed"},"moves":[{"kind":"document","from":"@HOME@/outbox/stuck/.dropleaf/staged/01M8DKG449N6DE2H5ETKMK0CNJ-0","to":"@HOME@/outbox/stuck/delivering.pdf","size":940,"blake3":"79c214d2c3751fb83f579ac7b8d3509e7e5f8b4f1e9e27504822e42bb132c4a4","collision":"number","mime":"application/pdf","pages":3},{"kind":"original","from":"@HOME@/inbox/stuck/.dropleaf/claimed/01M8DKG449N6DE2H5ETKMK0CNJ","to":"@HOME@/archive/stuck/delivering.pdf","size":1049,"blake3":"ca87bd5d267559962037a63da80aba015d854b7ef6a659e4602c941c0c8249e7","collision":"number","mime":"application/pdf"}]}},"blake3":"ca87bd5d267559962037a63da80aba015d854b7ef6a659e4602c941c0c8249e7","duplicate_of":null,"attempts":1,"counted":0,"crashes":0,"interruptions":0,"queued_ms":4,"ran_ms":9,"steps":[{"id":"reverse","uses":"pages/reverse","status":"finished","started":1795752988820,"ms":2}],"plugins":[{"name":"pages","version":"0.1.0","blake3":"d8f8a871db59d428abfcbe5e1b2c09f9df30c79996fc5bf51ae1bfce1a855ca1"}],"sandbox":"full","revision":"cc92ea381f4c2c63","warnings":["a delivery failed: failed to create folder `@HOME@/archive/stuck`: File exists (os error 17); trying again every 10 s"],"problem":null,"bill":{"parses":1,"saves":1,"pages_in":3,"pages_out":3,"peak_kib":28288,"cpu_ms":3},"delivered":[]}');
INSERT INTO job VALUES('01M8DKG45VBBWM5RC5YNMXJZH8','plain','queued',1795752988859,1795752988897,NULL,48,'queued.pdf','queued.pdf','@HOME@/inbox/plain/queued.pdf',0,'37c99c8ea374e00a87aa2ab9de7f36934182907781a6d1030d42fa662f9d930f','{"id":"01M8DKG45VBBWM5RC5YNMXJZH8","rev":2,"accepted":{"pipeline":"plain","revision":"b01c83f780f6073a","path":"@HOME@/inbox/plain/queued.pdf","folder":"@HOME@/inbox/plain","relative":"queued.pdf","held":"@HOME@/inbox/plain/.dropleaf/claimed/01M8DKG45VBBWM5RC5YNMXJZH8","identity":{"device":65024,"inode":10093582,"size":694,"mtime_ns":1795752988852418931,"ctime_ns":1795752988852418931},"origin":"watch","priority":0,"steps":[{"id":"reverse","uses":"pages/reverse"}]},"created":1795752988859,"updated":1795752988897,"state":{"state":"queued","since":1795752988897},"blake3":"37c99c8ea374e00a87aa2ab9de7f36934182907781a6d1030d42fa662f9d930f","duplicate_of":null,"attempts":0,"counted":0,"crashes":0,"interruptions":0,"queued_ms":0,"ran_ms":0,"steps":[{"id":"reverse","uses":"pages/reverse","status":"pending","ms":0}],"plugins":[],"sandbox":null,"revision":null,"warnings":[],"problem":null,"bill":{"parses":0,"saves":0,"pages_in":0,"pages_out":0,"peak_kib":0,"cpu_ms":0},"delivered":[]}');
CREATE TABLE tally(
  pipeline TEXT NOT NULL,
  state TEXT NOT NULL,
  jobs INTEGER NOT NULL,
  PRIMARY KEY(pipeline, state)
) STRICT, WITHOUT ROWID;
INSERT INTO tally VALUES('plain','claiming',0);
INSERT INTO tally VALUES('plain','delivering',0);
INSERT INTO tally VALUES('plain','failed',1);
INSERT INTO tally VALUES('plain','queued',1);
INSERT INTO tally VALUES('plain','running',0);
INSERT INTO tally VALUES('plain','succeeded',1);
INSERT INTO tally VALUES('slow','claiming',0);
INSERT INTO tally VALUES('slow','queued',0);
INSERT INTO tally VALUES('slow','running',1);
INSERT INTO tally VALUES('stuck','claiming',0);
INSERT INTO tally VALUES('stuck','delivering',1);
INSERT INTO tally VALUES('stuck','queued',0);
INSERT INTO tally VALUES('stuck','running',0);
CREATE TABLE log(
  job TEXT NOT NULL,
  n INTEGER NOT NULL,
  at INTEGER NOT NULL,
  level TEXT NOT NULL,
  step TEXT,
  message TEXT NOT NULL,
  PRIMARY KEY(job, n)
) STRICT, WITHOUT ROWID;
CREATE TABLE ledger(
  pipeline TEXT NOT NULL,
  relative TEXT NOT NULL,
  identity TEXT NOT NULL,
  why TEXT NOT NULL,
  PRIMARY KEY(pipeline, relative)
) STRICT, WITHOUT ROWID;
CREATE TABLE revision(
  hash TEXT PRIMARY KEY,
  pipeline TEXT NOT NULL,
  yaml TEXT NOT NULL,
  first INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO revision VALUES('53b3d06bf861cbdf','slow','watch: { folder: inbox/slow, quiet: 0s }
steps: [{ uses: misbehave, with: { mode: sleep } }]
',1795752986998);
INSERT INTO revision VALUES('b01c83f780f6073a','plain','watch: { folder: inbox/plain, quiet: 0s }
steps: [{ uses: reverse }]
',1795752986998);
INSERT INTO revision VALUES('cc92ea381f4c2c63','stuck','watch: { folder: inbox/stuck, quiet: 0s }
steps: [{ uses: reverse }]
',1795752986998);
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
INSERT INTO pipeline VALUES('plain',46,1795752988857,'b01c83f780f6073a','[]',0,'lunch','{"event":"online","folder":"@HOME@/inbox/plain","mode":"events","reason":"ext4 is a local file system and reports its changes; besides, it is scanned every 60 s"}');
INSERT INTO pipeline VALUES('slow',7,1795752987093,'53b3d06bf861cbdf','[]',0,NULL,'{"event":"online","folder":"@HOME@/inbox/slow","mode":"events","reason":"ext4 is a local file system and reports its changes; besides, it is scanned every 60 s"}');
INSERT INTO pipeline VALUES('stuck',8,1795752987093,'cc92ea381f4c2c63','[]',0,NULL,'{"event":"online","folder":"@HOME@/inbox/stuck","mode":"events","reason":"ext4 is a local file system and reports its changes; besides, it is scanned every 60 s"}');
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
