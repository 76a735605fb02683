"""Sums over the parts of a shared batch, in threads in place of processes."""

import threading


def in_two_threads(task):
    """Run a task in two threads, which sum tensors with each other."""
    meeting, given, results = threading.Barrier(2, timeout=60), {}, {}

    def work(rank):
        def all_reduce(tensor):
            given[rank] = tensor
            meeting.wait()
            total = given[0] + given[1]
            meeting.wait()
            return total

        results[rank] = task(rank, all_reduce)

    threads = [threading.Thread(target=work, args=(rank,)) for rank in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results[0], results[1]
