"""All three killed at once, and restarted in every order, with and without one missing."""
import itertools

import client262
import harness
from harness import Cluster


def kill_all(cluster):
    for server in cluster.servers:
        if server.process:
            server.process.kill()
    for server in cluster.servers:
        if server.process:
            server.kill()


def start_in(cluster, order):
    for number in order:
        cluster[number].start()
        harness.wait_until(cluster[number].status, f'server {number} answers')


def refusal(cluster, number):
    """What a server answers that cannot serve: (status, servers it waits for)."""
    client = client262.Client([(cluster.hosts[number], harness.CLIENT_PORT)], timeout=0.1)
    try:
        frame = client.pack(client262.LIST_ROOMS, ['*', '', 10], 0)
        answer = client.exchange(0, frame, 1000)
        return answer and (answer[0], answer[2][3] if answer[0] else None)
    finally:
        client.close()


def wait_refusal(cluster, number, missing):
    """It answers `unavailable` and names the servers in `missing`, no others."""
    wanted = (client262.UNAVAILABLE, missing)
    harness.wait_until(lambda: refusal(cluster, number) == wanted,
                       lambda: f'server {number} answers unavailable, waiting for {missing}; says '
                               f'{refusal(cluster, number)}; now {cluster.brief()}')


def write_some(cluster, token, name):
    writer = harness.Writer(cluster, name, harness.ROOM, token)
    writer.start()
    writer.wait_more(10)
    writer.finish()
    return writer


def restart(order):
    with Cluster() as cluster:
        writers = harness.start_writers(cluster)
        token = writers[0].client.token

        # With nobody missing. The writers wait through it.
        kill_all(cluster)
        start_in(cluster, order)
        harness.more(writers)
        cluster.wait_in_sync()

        # One is missing that may have gone on alone: the two wait for it, and say so.
        harness.finish(writers)
        kill_all(cluster)
        start_in(cluster, order[:2])
        for number in order[:2]:
            wait_refusal(cluster, number, [order[2]])
        cluster[order[2]].start()
        cluster.wait_in_sync()
        writers.append(write_some(cluster, token, 'x'))

        # One is missing of which the others know that it cannot have: they go on without it.
        cluster[order[2]].kill()
        writers.append(write_some(cluster, token, 'y'))
        kill_all(cluster)
        start_in(cluster, order[:2])
        cluster.wait_in_sync(order[:2])
        writers.append(write_some(cluster, token, 'z'))
        cluster[order[2]].start()
        cluster.settle_and_check(writers)


def stale_server_alone():
    """2, then 1, then 0 die. 2 alone waits for those who went on without it; so do 2 and 1."""
    with Cluster() as cluster:
        writers = harness.start_writers(cluster)
        cluster[2].kill()
        harness.more(writers)
        cluster[1].kill()
        harness.more(writers)
        harness.finish(writers)
        cluster[0].kill()
        start_in(cluster, [2])
        wait_refusal(cluster, 2, [0, 1])
        status = cluster[2].status()
        assert status['waiting_for'] == [0, 1] and status['waiting_why'], status
        shown = harness.run('chat262', 'users', '*', '--timeout', '2', '--cluster',
                            cluster.file, '--session', cluster.folder + '/none',
                            check=False)
        assert shown.returncode != 0, shown
        start_in(cluster, [1])
        # What 1 knows: 0 may have gone on alone.
        wait_refusal(cluster, 1, [0])
        start_in(cluster, [0])
        cluster.settle_and_check(writers)


CASES = {'restart_' + ''.join(map(str, order)): lambda order=order: restart(list(order))
         for order in itertools.permutations(range(3))}
CASES['stale_server_alone'] = stale_server_alone

if __name__ == '__main__':
    harness.main(CASES)
