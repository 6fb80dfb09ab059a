import { Server, ServerCredentials, credentials, experimental, makeClientConstructor, status, ServerInterceptingCall } from '@grpc/grpc-js';
import tls from 'node:tls'; import net from 'node:net'; import { readFileSync } from 'node:fs';
const m=JSON.parse(readFileSync('/tmp/tlsx/m.json','utf8'));
const def={ echo:{path:'/t.T/Echo',requestStream:false,responseStream:false,requestSerialize:b=>b,requestDeserialize:b=>b,responseSerialize:b=>b,responseDeserialize:b=>b}, link:{path:'/t.T/Link',requestStream:true,responseStream:true,requestSerialize:b=>b,requestDeserialize:b=>b,responseSerialize:b=>b,responseDeserialize:b=>b}};
const C=makeClientConstructor(def,'t.T');
function startServer(id,ca){
  const server=new Server();
  let certs=new Set;
  server.addService(def,{echo:(call,cb)=>{const a=call.getAuthContext(); certs.add(a.sslPeerCertificate); cb(null,Buffer.from(String(a.sslPeerCertificate?.subjectaltname)))}, link:(call)=>{call.on('data',d=>call.write(d));call.on('end',()=>call.end())}});
  const injector=server.createConnectionInjector(ServerCredentials.createInsecure());
  const t=tls.createServer({cert:id.cert,key:id.key,ca,requestCert:true,rejectUnauthorized:true,minVersion:'TLSv1.3',ALPNProtocols:['h2'],handshakeTimeout:5000});
  t.on('secureConnection',s=>{ const c=s.getPeerCertificate(); s.getPeerCertificate=()=>c; s.on('error',()=>{}); injector.injectConnection(s);});
  t.on('tlsClientError',(e,s)=>console.log('   server: tlsClientError',e.code,'|',e.message,'|',s.authorizationError, s.remoteAddress));
  return new Promise(r=>t.listen(0,'127.0.0.1',()=>r({server,t,port:t.address().port,certs,injector})));
}
const provider=(id,ca)=>{const l=[];return {addCaCertificateListener(f){f({caCertificate:Buffer.from(ca)})},removeCaCertificateListener(){},addIdentityCertificateListener(f){f({certificate:Buffer.from(id.cert),privateKey:Buffer.from(id.key)})},removeIdentityCertificateListener(){}}};
const chan=(id,ca)=>{const p=provider(id,ca);return experimental.createCertificateProviderChannelCredentials(p,p,{checkServerIdentity:(h,c)=>{ return c.subjectaltname.includes('node')?undefined:new Error('not a node')}})};
const call=(addr,creds)=>new Promise(r=>{const c=new C(addr,creds,{'grpc.enable_retries':0,'grpc.use_local_subchannel_pool':1});const k=c.echo(Buffer.from('hi'),{deadline:Date.now()+3000},(e,v)=>{const a=k.getAuthContext();r(e?`ERR ${status[e.code]}: ${e.details}`:`${v} | server is ${a?.sslPeerCertificate?.subjectaltname}`);c.close()})});
const s=await startServer(m.n1,m.ca);
const A='127.0.0.1:'+s.port;
console.log('good:',await call(A,chan(m.n2,m.ca)));
console.log('bad ca client:',await call(A,chan(m.bad,m.ca)));
console.log('expired client:',await call(A,chan(m.expired,m.ca)));
console.log('no cert client:',await call(A,credentials.createSsl(Buffer.from(m.ca),null,null,{checkServerIdentity:()=>undefined})));
console.log('plaintext client:',await call(A,credentials.createInsecure()));
console.log('client with other ca:',await call(A,chan(m.n2,m.other)));
const ps=new Server();ps.addService(def,{echo:(c,cb)=>cb(null,Buffer.from('p')),link:()=>{}});
const pp=await new Promise(r=>ps.bindAsync('127.0.0.1:0',ServerCredentials.createInsecure(),(e,p)=>r(p)));
console.log('tls client to plaintext server:',await call('127.0.0.1:'+pp,chan(m.n2,m.ca)));
ps.forceShutdown();
const es=await startServer(m.expired,m.ca);
console.log('server expired:',await call('127.0.0.1:'+es.port,chan(m.n2,m.ca)));
es.t.close();es.server.forceShutdown();
// handshake speed
for(const [n,mk] of [['tls',()=>chan(m.n2,m.ca)]]){
 const cr=mk();const N=300;const c0=process.cpuUsage();const t0=performance.now();
 for(let i=0;i<N;i++){await call(A,cr);}
 const u=process.cpuUsage(c0);console.log(n,'sequential connect+call ms',((performance.now()-t0)/N).toFixed(2),'cpu ms both ends',((u.user+u.system)/1000/N).toFixed(2));
}
const ps2=new Server();ps2.addService(def,{echo:(c,cb)=>cb(null,Buffer.from('p')),link:()=>{}});
const pp2=await new Promise(r=>ps2.bindAsync('127.0.0.1:0',ServerCredentials.createInsecure(),(e,p)=>r(p)));
{const N=300;const c0=process.cpuUsage();const t0=performance.now();
 for(let i=0;i<N;i++){await call('127.0.0.1:'+pp2,credentials.createInsecure());}
 const u=process.cpuUsage(c0);console.log('plain sequential ms',((performance.now()-t0)/N).toFixed(2),'cpu',((u.user+u.system)/1000/N).toFixed(2));}
ps2.forceShutdown();
// per-call cost
{const c=new C(A,chan(m.n2,m.ca));const one=()=>new Promise(r=>c.echo(Buffer.from('x'),()=>r()));for(let i=0;i<200;i++)await one();const N=2000;const t0=performance.now();for(let i=0;i<N;i++)await one();console.log('tls cached cert call us',((performance.now()-t0)/N*1000).toFixed(0));c.close();}
{let t0=performance.now();for(let i=0;i<300;i++)tls.createSecureContext({ca:m.ca,cert:m.n1.cert,key:m.n1.key});console.log('createSecureContext ms',((performance.now()-t0)/300).toFixed(3));}
console.log('certs seen',s.certs.size);
// shutdown: link open; tryShutdown
{const c=new C(A,chan(m.n2,m.ca));const l=c.link();l.on('error',e=>console.log('link err',e.details));l.on('data',()=>{});l.write(Buffer.from('a'));await new Promise(r=>l.once('data',r));
 const t0=performance.now();let done=false;s.server.tryShutdown(()=>{done=true;console.log('tryShutdown done',(performance.now()-t0).toFixed(0))});await new Promise(r=>setTimeout(r,300));console.log('after 300ms done?',done);l.end();await new Promise(r=>setTimeout(r,300));console.log('after end done?',done);
 c.close();s.t.close(()=>console.log('listener closed'));setTimeout(()=>{s.server.forceShutdown();},200)}
