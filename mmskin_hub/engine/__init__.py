"""Runs the steps over many books: what is found, planned, worked off by datatrove, resumed, and brought together.

::

    books.find_books ──▶ steps.SurveyStep ──▶ plan.make_plan ──▶ steps.PagesStep ──▶ finish.finish ──▶ builders

Everything between the steps lies in one work folder (:mod:`mmskin_hub.engine.work`), addressed by path: a step reads
its task number and the folder, and assumes nothing about the machine it runs on.
"""
