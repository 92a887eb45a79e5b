var e=`description: ""

watch:
  folder: inbox/NAME

steps:
  - uses: repair

output:
  folder: outbox/NAME
`;function t(e,t,n){let r=e.replaceAll(`/NAME`,`/${n}`);if(t===void 0)return r;let i=t.replace(/[.*+?^${}()|[\]\\]/g,`\\$&`);return r.replace(RegExp(`\\b(inbox|outbox|archive|failed)/${i}(?![\\w-])`,`g`),`$1/${n}`)}var n=new Map,r=(e,t)=>void n.set(e,t);function i(e){let t=n.get(e);return n.delete(e),t}export{i,t as n,r,e as t};