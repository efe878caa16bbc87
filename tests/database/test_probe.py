import asyncio, time, json
import pytest, psycopg
from tests.verbs import *
async def show(what, coro):
    t=time.time()
    try: r=await coro
    except BaseException as e: r=f"{type(e).__name__} {getattr(e,'sqlstate',None)} {str(e)[:150]!r}"
    print(what, '->', r, f"{time.time()-t:.2f}s")
async def test_p(db):
    s=db
    print(await db.value("select version()"))
    await show("bomb plain", db.value("select pgq.submit('k', %s::jsonb)", '{"a":['+','.join(['1e131000']*9000)+']}'))
    await show("bomb key 60", db.value("select pgq.submit('k', %s::jsonb, key=>'x')", '{"a":['+','.join(['1e131000']*60)+']}'))
    await show("bomb key 2000", db.value("select pgq.submit('k', %s::jsonb, key=>'x')", '{"a":['+','.join(['1e131000']*2000)+']}'))
    await show("bomb headers 2000", db.value("select pgq.submit('k', headers=>%s::jsonb)", '{"a":['+','.join(['1e131000']*2000)+']}'))
    await db.run("create table staging(p jsonb)")
    await db.run("insert into staging values (%s)", '{"a":['+','.join(['1e131000']*2000)+']}')
    print(await db.value("select pg_column_size(p) from staging"))
    await show("bomb staging", db.value("insert into pgq.tasks(kind,payload) select 'k',p from staging returning id"))
    await show("5000 digit", db.value("select pgq.submit('k', %s::jsonb)", '{"a":'+'9'*5000+'}'))
    await show("null payload", db.value("select pgq.submit('k', 'null'::jsonb)"))
    await show("null payload key", db.value("select pgq.submit('k', 'null'::jsonb, key=>'z')"))
    await show("2d tags", db.value("select pgq.submit('k', tags=>'{{a,b},{c,d}}'::text[])"))
    await show("prio 12.5", db.submit_many({"kind":"k","priority":12.5}))
    await show("prio high", db.submit_many({"kind":"k","priority":"high"}))
    i='0198c8a0-0000-7000-8000-000000000001'
    await show("id key", db.submit_many({"kind":"k","id":i,"idempotency_key":"q"}))
    await show("id key again", db.submit_many({"kind":"k","id":i,"idempotency_key":"q"}))
    await db.run("insert into pgq.kinds(kind) values ('nq')")
    await show("defaults", db.submit_many({"kind":"nq","idempotency_key":"q","defaults":{"queue":"mail","priority":7}}))
    print(await db.rows("select queue,priority,idempotency_key from pgq.tasks where kind='nq'"), await db.rows("select queue,key from pgq.idempotency_keys"))
    c=await db.running()
    await show("retry 1e12", db.ends(c, retry_later(1e12)))
    print(await db.value("select run_at::text from pgq.tasks where id=%s", c.id))
    c=await db.running()
    await show("retry nan", db.ends(c, retry_later(float('nan'))))
    await show("retry inf", db.ends(c, retry_later(float('inf'))))
    # tiny window
    o=await db.another(autocommit=False)
    a=await db.submit(key='w', key_window='1 microsecond', on=o)
    t=asyncio.create_task(db.submit(key='w', key_window='1 microsecond'))
    m=await db.another()
    await m.set_autocommit(True)
    while not await db.value("select true from pg_stat_activity where pid=%s and wait_event_type='Lock'", db.connection.info.backend_pid, on=m): pass
    await o.commit()
    print('tiny window same:', (await t)==a)
